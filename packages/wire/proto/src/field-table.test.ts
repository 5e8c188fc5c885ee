import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { ScalarType } from '@bufbuild/protobuf'
import {
  AddressSchema,
  AuthorizationSchema,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
  RevocationSchema,
  TrustBundleSchema,
  WorkloadRequestSchema,
  WorkloadResponseSchema,
  ZdsHelloSchema,
} from './index.ts'

// The numbers on the wire, written down a second time: the .proto files must not drift from what peers speak.
const table: Readonly<Record<string, string>> = {
  'envoy.service.discovery.v3.DeltaDiscoveryRequest':
    'node=1 Node, type_url=2 STRING, resource_names_subscribe=3 STRING*, resource_names_unsubscribe=4 STRING*, ' +
    'initial_resource_versions=5 map STRING, response_nonce=6 STRING, error_detail=7 Status',
  'envoy.service.discovery.v3.DeltaDiscoveryResponse':
    'system_version_info=1 STRING, resources=2 Resource*, type_url=4 STRING, nonce=5 STRING, removed_resources=6 STRING*, control_plane=7 ControlPlane',
  'envoy.service.discovery.v3.Resource': 'version=1 STRING, resource=2 Any, name=3 STRING, aliases=4 STRING*',
  'envoy.config.core.v3.ControlPlane': 'identifier=1 STRING',
  'envoy.config.core.v3.Node': 'id=1 STRING, cluster=2 STRING, metadata=3 Struct',
  'google.rpc.Status': 'code=1 INT32, message=2 STRING, details=3 Any*',
  'istio.workload.Address': 'workload=1 Workload, service=2 Service',
  'istio.workload.Service':
    'name=1 STRING, namespace=2 STRING, hostname=3 STRING, addresses=4 NetworkAddress*, ports=5 Port*, ' +
    'subject_alt_names=6 STRING*, waypoint=7 GatewayAddress, load_balancing=8 LoadBalancing, ip_families=9 IPFamilies, ' +
    'extensions=10 Extension*, canonical=11 BOOL, ingress_use_waypoint=12 BOOL, weighted_waypoints=13 WeightedWaypoint*, ' +
    'visibility=14 ServiceVisibility',
  'istio.workload.Workload':
    'name=1 STRING, namespace=2 STRING, addresses=3 BYTES*, network=4 STRING, tunnel_protocol=5 TunnelProtocol, ' +
    'trust_domain=6 STRING, service_account=7 STRING, waypoint=8 GatewayAddress, node=9 STRING, canonical_name=10 STRING, ' +
    'canonical_revision=11 STRING, workload_type=12 WorkloadType, workload_name=13 STRING, native_tunnel=14 BOOL, ' +
    'authorization_policies=16 STRING*, status=17 WorkloadStatus, cluster_id=18 STRING, network_gateway=19 GatewayAddress, ' +
    'uid=20 STRING, hostname=21 STRING, services=22 map PortList, application_tunnel=23 ApplicationTunnel, ' +
    'locality=24 Locality, network_mode=25 NetworkMode, extensions=26 Extension*, capacity=27 UInt32Value',
  'istio.workload.LoadBalancing': 'routing_preference=1 Scope*, mode=2 Mode, health_policy=3 HealthPolicy',
  'istio.workload.GatewayAddress':
    'hostname=1 NamespacedHostname, address=2 NetworkAddress, hbone_mtls_port=3 UINT32',
  'istio.workload.WeightedWaypoint': 'destination=1 GatewayAddress, weight=2 UINT32',
  'istio.workload.NetworkAddress': 'network=1 STRING, address=2 BYTES, length=3 UINT32?',
  'istio.workload.NamespacedHostname': 'namespace=1 STRING, hostname=2 STRING',
  'istio.workload.Port': 'service_port=1 UINT32, target_port=2 UINT32, app_protocol=3 AppProtocol',
  'istio.workload.PortList': 'ports=1 Port*',
  'istio.workload.ApplicationTunnel': 'protocol=1 Protocol, port=2 UINT32',
  'istio.workload.Locality': 'region=1 STRING, zone=2 STRING, subzone=3 STRING',
  'istio.workload.Extension': 'name=1 STRING, config=2 Any',
  'istio.security.Authorization':
    'name=1 STRING, namespace=2 STRING, scope=3 Scope, action=4 Action, rules=5 Rule*, dry_run=6 BOOL, extensions=7 Extension*',
  'istio.security.Rule': 'clauses=1 Clause*',
  'istio.security.Clause': 'matches=2 Match*',
  'istio.security.Match':
    'namespaces=1 StringMatch*, not_namespaces=2 StringMatch*, principals=3 StringMatch*, not_principals=4 StringMatch*, ' +
    'source_ips=5 Address*, not_source_ips=6 Address*, destination_ips=7 Address*, not_destination_ips=8 Address*, ' +
    'destination_ports=9 UINT32*, not_destination_ports=10 UINT32*, service_accounts=11 ServiceAccountMatch*, ' +
    'not_service_accounts=12 ServiceAccountMatch*, extensions=13 Extension*',
  'istio.security.Address': 'address=1 BYTES, length=2 UINT32',
  'istio.security.ServiceAccountMatch': 'namespace=1 STRING, serviceAccount=2 STRING',
  'istio.security.StringMatch': 'exact=1 STRING, prefix=2 STRING, suffix=3 STRING, presence=4 Empty',
  'istio.security.Extension': 'name=1 STRING, config=2 Any',
  'istio.v1.auth.IstioCertificateRequest': 'csr=1 STRING, validity_duration=3 INT64, metadata=4 Struct',
  'istio.v1.auth.IstioCertificateResponse': 'cert_chain=1 STRING*',
  'istio.workload.zds.ZdsHello': 'version=1 Version',
  'istio.workload.zds.WorkloadRequest':
    'add=1 AddWorkload, del=2 DelWorkload, snapshot_sent=3 SnapshotSent, keep=5 KeepWorkload',
  'istio.workload.zds.AddWorkload': 'uid=1 STRING, workload_info=2 WorkloadInfo',
  'istio.workload.zds.WorkloadInfo': 'name=1 STRING, namespace=2 STRING, service_account=3 STRING',
  'istio.workload.zds.KeepWorkload': 'uid=1 STRING',
  'istio.workload.zds.DelWorkload': 'uid=2 STRING',
  'istio.workload.zds.SnapshotSent': '',
  'istio.workload.zds.WorkloadResponse': 'ack=1 Ack',
  'istio.workload.zds.Ack': 'error=1 STRING',
  'tulle.identity.v1.Revocation': 'name=1 STRING, identities=2 STRING*, serials=3 STRING*',
  'tulle.identity.v1.TrustBundle': 'trust_domain=1 STRING, roots=2 STRING*, signer=3 STRING',
}

const enums: Readonly<Record<string, string>> = {
  'istio.workload.IPFamilies': 'AUTOMATIC=0 IPV4_ONLY=1 IPV6_ONLY=2 DUAL=3',
  'istio.workload.ServiceVisibility': 'PUBLIC=0 NAMESPACE=1',
  'istio.workload.TunnelProtocol': 'NONE=0 HBONE=1 LEGACY_ISTIO_MTLS=2',
  'istio.workload.WorkloadType': 'DEPLOYMENT=0 CRONJOB=1 POD=2 JOB=3',
  'istio.workload.WorkloadStatus': 'HEALTHY=0 UNHEALTHY=1',
  'istio.workload.NetworkMode': 'STANDARD=0 HOST_NETWORK=1',
  'istio.workload.AppProtocol': 'UNKNOWN=0 HTTP11=1 HTTP2=2 GRPC=3 TCP=4 TLS=5',
  'istio.workload.LoadBalancing.Scope':
    'UNSPECIFIED_SCOPE=0 REGION=1 ZONE=2 SUBZONE=3 NODE=4 CLUSTER=5 NETWORK=6',
  'istio.workload.LoadBalancing.Mode': 'UNSPECIFIED_MODE=0 STRICT=1 FAILOVER=2 PASSTHROUGH=3',
  'istio.workload.LoadBalancing.HealthPolicy': 'ONLY_HEALTHY=0 ALLOW_ALL=1',
  'istio.workload.ApplicationTunnel.Protocol': 'NONE=0 PROXY=1',
  'istio.security.Scope': 'GLOBAL=0 NAMESPACE=1 WORKLOAD_SELECTOR=2',
  'istio.security.Action': 'ALLOW=0 DENY=1',
  'istio.workload.zds.Version': 'NOT_USED=0 V1=1',
}

const roots: readonly DescMessage[] = [
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  AddressSchema,
  AuthorizationSchema,
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
  ZdsHelloSchema,
  WorkloadRequestSchema,
  WorkloadResponseSchema,
  RevocationSchema,
  TrustBundleSchema,
]

function typeOf(field: DescField): string {
  if (field.fieldKind === 'map') return `map ${field.message?.name ?? ScalarType[field.scalar ?? 0]}`
  const one = field.message?.name ?? field.enum?.name ?? ScalarType[field.scalar ?? 0]
  const isOptional = field.proto.proto3Optional ? '?' : ''
  return `${one}${field.fieldKind === 'list' ? '*' : isOptional}`
}

/** Every message that can be reached, without the well-known ones. */
function reach(message: DescMessage, found: Map<string, DescMessage>): void {
  if (found.has(message.typeName) || message.typeName.startsWith('google.protobuf.')) return
  found.set(message.typeName, message)
  for (const field of message.fields) if (field.message !== undefined) reach(field.message, found)
}

const messages = new Map<string, DescMessage>()
for (const root of roots) reach(root, messages)

test('messages are exactly those of the table', () => {
  assert.deepEqual([...messages.keys()].toSorted(), Object.keys(table).toSorted())
})

for (const [name, expected] of Object.entries(table)) {
  test(`${name} has the fields of the table`, () => {
    const fields = messages.get(name)?.fields ?? []
    const found = fields.toSorted((a, b) => a.number - b.number)
    assert.equal(found.map((field) => `${field.name}=${field.number} ${typeOf(field)}`).join(', '), expected)
  })
}

test('enums have the values of the table', () => {
  const fields = [...messages.values()].flatMap((message) => message.fields)
  const found = new Map(
    fields.flatMap((field) => (field.enum === undefined ? [] : [[field.enum.typeName, field.enum]])),
  )
  const texts = [...found].map(([name, desc]) => [
    name,
    desc.values.map((value) => `${value.name}=${value.number}`).join(' '),
  ])
  assert.deepEqual(Object.fromEntries(texts), enums)
})
