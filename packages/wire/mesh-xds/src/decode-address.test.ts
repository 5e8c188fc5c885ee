import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { must } from '@tulle/core'
import type { Workload } from '@tulle/mesh'
import { AddressSchema } from '@tulle/proto'
import type { ServiceSchema, WorkloadSchema } from '@tulle/proto'
import { decodeAddress } from './decode-address.ts'
import { encodeWorkload } from './encode-workload.ts'
import { bytesOf, hex, ip, plainWorkload } from './model-fixture.ts'

type WorkloadInit = MessageInitShape<typeof WorkloadSchema>
type ServiceInit = MessageInitShape<typeof ServiceSchema>

function workloadBytes(value: WorkloadInit): Uint8Array {
  return toBinary(AddressSchema, create(AddressSchema, { type: { case: 'workload', value } }))
}

function serviceBytes(value: ServiceInit): Uint8Array {
  return toBinary(AddressSchema, create(AddressSchema, { type: { case: 'service', value } }))
}

function decodeWorkload(value: WorkloadInit): Workload {
  const entry = must(decodeAddress(workloadBytes(value)))
  assert.equal(entry.kind, 'workload')
  return entry.workload
}

const named = { uid: 'u', name: 'n', namespace: 's' } as const

test('decodeAddress reads an empty trust domain as cluster.local, an empty account as default, an empty cluster as Kubernetes', () => {
  assert.deepEqual(decodeWorkload(named), plainWorkload)
})

test('decodeAddress reads an absent capacity as 1, and 0 as 0', () => {
  assert.equal(decodeWorkload(named).capacity, 1)
  assert.equal(decodeWorkload({ ...named, capacity: 0 }).capacity, 0)
})

test('decodeAddress reads an IPv4-mapped address as the IPv4 address that it means', () => {
  const mapped = bytesOf('00000000000000000000ffff0a000001')
  assert.deepEqual(decodeWorkload({ ...named, addresses: [mapped] }).addresses, [ip('10.0.0.1')])
})

test('decodeAddress leaves out a port mapping without a target: the endpoint does not serve it', () => {
  const services = {
    's/h': {
      ports: [
        { servicePort: 80, targetPort: 0 },
        { servicePort: 81, targetPort: 8081 },
      ],
    },
  }
  assert.deepEqual(
    [...decodeWorkload({ ...named, services }).services],
    [['s/h', [{ servicePort: 81, targetPort: 8081 }]]],
  )
})

test('decodeAddress ignores unknown fields of workloads and services, at any depth', () => {
  const workload = hex(encodeWorkload({ ...plainWorkload, locality: { region: 'r', zone: '', subzone: '' } }))
  // Field 99 = 1 at the end of the locality, of the workload, and of the address.
  const locality = 'c20103' + '0a0172'
  assert.ok(workload.endsWith(locality))
  const body = `${workload.slice(4, -locality.length)}c20106${'0a0172'}980601980601`
  const bytes = bytesOf(`0a${(body.length / 2).toString(16)}${body}980601`)
  const entry = must(decodeAddress(bytes))
  assert.deepEqual(entry.kind === 'workload' && entry.workload.locality, {
    region: 'r',
    zone: '',
    subzone: '',
  })
})

const port = { servicePort: 80, targetPort: 80 }
const gatewayPort = { hboneMtlsPort: 15_008 }

const refused: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['nothing', new Uint8Array(0), /neither a workload nor a service/u],
  ['a workload without uid', workloadBytes({ ...named, uid: '' }), /uid is empty/u],
  ['a workload without namespace', workloadBytes({ ...named, namespace: '' }), /not a namespace name/u],
  [
    'a namespace that makes another identity',
    workloadBytes({ ...named, namespace: 'a/sa/b' }),
    /not the five parts/u,
  ],
  ['an account with a slash', workloadBytes({ ...named, serviceAccount: 'a/b' }), /not the five parts/u],
  ['a trust domain in upper case', workloadBytes({ ...named, trustDomain: 'TD' }), /trust domain/u],
  [
    'an address of 5 bytes',
    workloadBytes({ ...named, addresses: [bytesOf('0a00000001')] }),
    /addresses\[0\]: .*found 5/u,
  ],
  [
    'the tunnel LEGACY_ISTIO_MTLS',
    workloadBytes({ ...named, tunnelProtocol: 2 }),
    /unknown value 2 of tunnel_protocol/u,
  ],
  ['an unknown tunnel', bytesOf('0a0c a2010175 0a016e 120173 2809'), /unknown value 9 of tunnel_protocol/u],
  [
    'an unknown workload type',
    bytesOf('0a0c a2010175 0a016e 120173 6009'),
    /unknown value 9 of workload_type/u,
  ],
  ['an unknown status', bytesOf('0a0d a2010175 0a016e 120173 880109'), /unknown value 9 of status/u],
  [
    'an unknown network mode',
    bytesOf('0a0d a2010175 0a016e 120173 c80109'),
    /unknown value 9 of network_mode/u,
  ],
  [
    'an unknown application tunnel',
    bytesOf('0a0f a2010175 0a016e 120173 ba01020809'),
    /unknown value 9 of application_tunnel/u,
  ],
  [
    'a target port beyond 65535',
    workloadBytes({ ...named, services: { 's/h': { ports: [{ servicePort: 80, targetPort: 65_536 }] } } }),
    /services\[s\/h\]\[0\]: .*65536/u,
  ],
  [
    'a waypoint without destination',
    workloadBytes({ ...named, waypoint: gatewayPort }),
    /waypoint: neither hostname nor address/u,
  ],
  [
    'a waypoint without port',
    workloadBytes({ ...named, waypoint: { destination: { case: 'hostname', value: { hostname: 'w' } } } }),
    /waypoint: hbone_mtls_port/u,
  ],
  [
    'a waypoint with an address of 3 bytes',
    workloadBytes({
      ...named,
      waypoint: { ...gatewayPort, destination: { case: 'address', value: { address: bytesOf('0a0000') } } },
    }),
    /waypoint: .*found 3/u,
  ],
  [
    'a network gateway with an empty host name',
    workloadBytes({
      ...named,
      networkGateway: { ...gatewayPort, destination: { case: 'hostname', value: {} } },
    }),
    /network_gateway: hostname is empty/u,
  ],
  [
    'an application tunnel port beyond 65535',
    workloadBytes({ ...named, applicationTunnel: { protocol: 1, port: 70_000 } }),
    /application_tunnel.port/u,
  ],
  ['a service without host name', serviceBytes({ name: 'n' }), /hostname is empty/u],
  [
    'a service port 0',
    serviceBytes({ hostname: 'h', ports: [{ ...port, servicePort: 0 }] }),
    /ports\[0\]: service_port/u,
  ],
  [
    'a service target port beyond 65535',
    serviceBytes({ hostname: 'h', ports: [{ ...port, targetPort: 65_536 }] }),
    /ports\[0\]: target_port/u,
  ],
  [
    'a range longer than its address',
    serviceBytes({ hostname: 'h', addresses: [{ address: bytesOf('0a000000'), length: 33 }] }),
    /addresses\[0\]: a prefix of 33 bits/u,
  ],
  [
    'an unspecified scope',
    serviceBytes({ hostname: 'h', loadBalancing: { routingPreference: [0] } }),
    /unknown value 0 of routing_preference/u,
  ],
  [
    'an unknown application protocol',
    bytesOf('1209 1a0168 2a0408501809'),
    /unknown value 9 of app_protocol/u,
  ],
  ['an unknown visibility', bytesOf('1205 1a0168 7009'), /unknown value 9 of visibility/u],
  ['unknown IP families', bytesOf('1205 1a0168 4809'), /unknown value 9 of ip_families/u],
  ['an unknown balancing mode', bytesOf('1207 1a0168 42021009'), /unknown value 9 of load_balancing.mode/u],
  [
    'a weighted waypoint without destination',
    serviceBytes({ hostname: 'h', weightedWaypoints: [{ weight: 1 }] }),
    /weighted_waypoints\[0\]: destination is missing/u,
  ],
  ['text that is not UTF-8', bytesOf('1203 1a01ff'), /not an Address/u],
  ['truncated bytes', bytesOf('0a20 0a016e'), /not an Address/u],
]

for (const [name, bytes, expected] of refused) {
  test(`decodeAddress refuses ${name}`, () => {
    const result = decodeAddress(bytes)
    assert.ok(!result.ok)
    assert.match(result.error, expected)
  })
}
