import type { KindVersion } from './kind-version.ts'
import { nearest } from './nearest.ts'
import type { ApiCode } from './problem.ts'
import {
  backendTlsPolicyV1,
  backendTlsPolicyV1alpha3,
  backendTrafficPolicyV1alpha1,
} from './versions/backend-policies.ts'
import { configMapV1 } from './versions/config-map.ts'
import { gatewayV1, gatewayV1beta1 } from './versions/gateway.ts'
import { grpcRouteV1 } from './versions/grpc-route.ts'
import { httpRouteV1, httpRouteV1beta1 } from './versions/http-route.ts'
import { httpRouteGroupV1alpha4 } from './versions/http-route-group.ts'
import { meshV1alpha1 } from './versions/mesh.ts'
import { namespaceV1 } from './versions/namespace.ts'
import { tcpRouteV1alpha4, udpRouteV1alpha4 } from './versions/port-route.ts'
import { referenceGrantV1, referenceGrantV1beta1 } from './versions/reference-grant.ts'
import { revocationV1alpha1 } from './versions/revocation.ts'
import { serviceAccountV1 } from './versions/service-account.ts'
import { serviceV1 } from './versions/service.ts'
import { streamRoutes } from './versions/stream-route.ts'
import { trafficPolicyV1alpha1 } from './versions/traffic-policy.ts'
import { trafficSplitV1alpha3, trafficSplitV1alpha4 } from './versions/traffic-split.ts'
import { trafficTargetV1alpha3, trafficTargetV1alpha4 } from './versions/traffic-target.ts'
import { workloadV1alpha1 } from './versions/workload.ts'

/** Every version of every kind that is read. Another version is one more entry, converted to the same hub. */
const versions: readonly KindVersion[] = [
  namespaceV1,
  serviceAccountV1,
  serviceV1,
  configMapV1,
  meshV1alpha1,
  revocationV1alpha1,
  workloadV1alpha1,
  trafficPolicyV1alpha1,
  trafficTargetV1alpha3,
  trafficTargetV1alpha4,
  httpRouteGroupV1alpha4,
  tcpRouteV1alpha4,
  udpRouteV1alpha4,
  trafficSplitV1alpha3,
  trafficSplitV1alpha4,
  httpRouteV1,
  httpRouteV1beta1,
  grpcRouteV1,
  ...streamRoutes,
  gatewayV1,
  gatewayV1beta1,
  referenceGrantV1,
  referenceGrantV1beta1,
  backendTlsPolicyV1,
  backendTlsPolicyV1alpha3,
  backendTrafficPolicyV1alpha1,
]

const byName: ReadonlyMap<string, KindVersion> = new Map(
  versions.map((one) => [`${one.group}/${one.version}/${one.kind}`, one]),
)

const groups = [...new Set(versions.map(({ group }) => group))]

/** Kinds of SMI that are known and come later, by `group/Kind`. */
const comingKinds: ReadonlyMap<string, string> = new Map([
  ['access.smi-spec.io/IdentityBinding', 'name ServiceAccounts in the TrafficTarget instead'],
  ['metrics.smi-spec.io/TrafficMetrics', 'it is an answer of the mesh, not something to write'],
])

/** Versions that SMI published and this release refuses, with what changes on the way to the one it reads. */
const olderVersions: ReadonlyMap<string, string> = new Map([
  ['access.smi-spec.io/v1alpha1', 'its fields move under "spec", and "specs" is called "rules"'],
  ['access.smi-spec.io/v1alpha2', 'a port of the destination moves into a TCPRoute'],
  ['specs.smi-spec.io/v1alpha1', 'the fields move under "spec"'],
  ['specs.smi-spec.io/v1alpha2', 'the fields move under "spec"'],
  ['specs.smi-spec.io/v1alpha3', 'a TCPRoute now names its ports under "spec.matches"'],
  ['split.smi-spec.io/v1alpha1', 'weights are whole numbers instead of quantities'],
  ['split.smi-spec.io/v1alpha2', 'nothing but the version changes'],
  ['gateway.networking.k8s.io/v1alpha2', 'nothing but the version changes'],
])

/** Kinds of groups that are read which mean nothing to a mesh. */
const otherGatewayKinds: ReadonlySet<string> = new Set([
  'GatewayClass',
  'ListenerSet',
  'XListenerSet',
  'XMesh',
  'XBackend',
])

/** What Kubernetes has in the core group and the mesh does not read from files. */
const otherCoreKinds: ReadonlySet<string> = new Set([
  'Binding',
  'ComponentStatus',
  'Endpoints',
  'Event',
  'LimitRange',
  'Node',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Pod',
  'PodTemplate',
  'ReplicationController',
  'ResourceQuota',
  'Secret',
])

/** Why there is no such version of such a kind. */
export interface Unread {
  readonly severity: 'error' | 'warning'
  readonly code: ApiCode
  readonly field: 'apiVersion' | 'kind'
  readonly message: string
}

export function findKindVersion(apiVersion: string, kind: string): KindVersion | Unread {
  const slash = apiVersion.indexOf('/')
  const group = slash < 0 ? '' : apiVersion.slice(0, slash)
  const version = apiVersion.slice(slash + 1)
  return byName.get(`${group}/${version}/${kind}`) ?? unread(group, version, kind)
}

/** Every `apiVersion` in which a kind is read. */
export function apiVersionsOf(kind: string): readonly string[] {
  return versions.filter((one) => one.kind === kind).map(apiVersionOf)
}

function apiVersionOf({ group, version }: KindVersion): string {
  return group === '' ? version : `${group}/${version}`
}

export function isUnread(found: KindVersion | Unread): found is Unread {
  return 'severity' in found
}

function unread(group: string, version: string, kind: string): Unread {
  const coming = comingKinds.get(`${group}/${kind}`)
  if (coming !== undefined) {
    const message = `${kind} of ${group} is not read yet: ${coming}`
    return { severity: 'error', code: 'API_UNSUPPORTED_KIND', field: 'kind', message }
  }
  if (!groups.includes(group)) return unknownGroup(group, version, kind)
  const ofKind = versions.filter((one) => one.group === group && one.kind === kind)
  if (ofKind.length > 0) return wrongVersion(group, version, ofKind)
  return unknownKind(group, kind)
}

function wrongVersion(group: string, version: string, ofKind: readonly KindVersion[]): Unread {
  const expected = ofKind.map(apiVersionOf).join(' or ')
  const change = olderVersions.get(`${group}/${version}`)
  const message =
    change === undefined
      ? `found version ${JSON.stringify(version.slice(0, 60))}; expected ${expected}`
      : `${group}/${version} is not read yet; write ${expected} (${change})`
  return { severity: 'error', code: 'API_UNSUPPORTED_VERSION', field: 'apiVersion', message }
}

function unknownKind(group: string, kind: string): Unread {
  if (group === '' && otherCoreKinds.has(kind)) return ignored(kind)
  if (group.startsWith('gateway.networking.') && otherGatewayKinds.has(kind)) return ignored(kind)
  const kinds = [...new Set(versions.filter((one) => one.group === group).map((one) => one.kind))]
  const elsewhere = versions.find((one) => one.kind === kind)
  const guess = nearest(kind, kinds)
  const hint =
    elsewhere !== undefined
      ? `; ${kind} is in ${apiVersionOf(elsewhere)}`
      : guess !== undefined
        ? `; did you mean ${JSON.stringify(guess)}?`
        : ''
  const where = group === '' ? 'the core group' : group
  const message = `found ${JSON.stringify(kind.slice(0, 80))}; expected a kind of ${where}: ${kinds.join(', ')}${hint}`
  return { severity: 'error', code: 'API_UNKNOWN_KIND', field: 'kind', message }
}

/** A group in which there is a slip of the pen is an error: passed over in silence, a policy would not hold. */
function unknownGroup(group: string, version: string, kind: string): Unread {
  const guess = nearest(
    group,
    groups.filter((known) => known !== ''),
  )
  const homes = versions.filter((one) => one.kind === kind)
  if (guess === undefined && !group.endsWith('smi-spec.io') && !group.endsWith('tulle.dev'))
    return ignored(kind)
  const home = homes.find((one) => one.group === guess) ?? homes.at(-1)
  const expected =
    home === undefined
      ? (guess ?? groups.filter((known) => known !== '').join(', '))
      : `${home.group}/${home.version}`
  const message = `found ${JSON.stringify(`${group}/${version}`.slice(0, 120))}, a group that nobody has; did you mean ${expected}?`
  return { severity: 'error', code: 'API_UNKNOWN_GROUP', field: 'apiVersion', message }
}

function ignored(kind: string): Unread {
  const message = `${JSON.stringify(kind.slice(0, 80))} is not a kind that Tulle reads; it is passed over`
  return { severity: 'warning', code: 'API_IGNORED_KIND', field: 'kind', message }
}
