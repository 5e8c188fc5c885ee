import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import type { GatewayAddress, Service, Workload } from '@tulle/mesh'
import { encodeService } from './encode-service.ts'
import { encodeWorkload } from './encode-workload.ts'
import { hex, ip, plainService, plainWorkload, ports } from './model-fixture.ts'

/** What every encoded workload of the fixture has: name, namespace, service account, cluster id, uid. */
const before = '0a016e' + '120173'
const account = '3a0764656661756c74'
const cluster = '92010a' + '4b756265726e65746573'
const uid = 'a20101' + '75'

/** The length-delimited field 1 (workload) or 2 (service) of an Address. */
function wrap(field: number, body: string): string {
  const length = body.length / 2
  const size = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7]
  return hex(Uint8Array.of((field << 3) | 2, ...size)) + body
}

const gateway: GatewayAddress = {
  destination: { kind: 'address', network: 'w', address: ip('10.0.0.9') },
  hboneMtlsPort: 15_008,
}
const gatewayBody = '1209' + '0a0177' + '12040a000009' + '18a075'

const workloadCases: readonly (readonly [string, Partial<Workload>, string])[] = [
  ['nothing but defaults', {}, before + account + cluster + uid],
  [
    'addresses of 4 and 16 bytes (3)',
    { addresses: [ip('10.0.0.1'), ip('fd00::1')] },
    before + '1a040a000001' + '1a10fd000000000000000000000000000001' + account + cluster + uid,
  ],
  ['network (4)', { network: 'w' }, before + '220177' + account + cluster + uid],
  ['tunnel protocol HBONE (5)', { tunnel: 'hbone' }, before + '2801' + account + cluster + uid],
  [
    'trust domain (6)',
    { trustDomain: must(parseTrustDomain('td')) },
    before + '32027464' + account + cluster + uid,
  ],
  ['waypoint (8)', { waypoint: gateway }, before + account + '420e' + gatewayBody + cluster + uid],
  ['node (9)', { node: 'a' }, before + account + '4a0161' + cluster + uid],
  ['canonical name (10)', { canonicalName: 'a' }, before + account + '520161' + cluster + uid],
  ['canonical revision (11)', { canonicalRevision: 'a' }, before + account + '5a0161' + cluster + uid],
  ['workload type JOB (12)', { workloadType: 'job' }, before + account + '6003' + cluster + uid],
  ['workload name (13)', { workloadName: 'a' }, before + account + '6a0161' + cluster + uid],
  ['native tunnel (14)', { nativeTunnel: true }, before + account + '7001' + cluster + uid],
  [
    'authorization policies (16)',
    { policies: ['s/p', 's/q'] },
    before + account + '820103732f70' + '820103732f71' + cluster + uid,
  ],
  ['status UNHEALTHY (17)', { health: 'unhealthy' }, before + account + '880101' + cluster + uid],
  [
    'network gateway (19)',
    { networkGateway: gateway },
    before + account + cluster + '9a010e' + gatewayBody + uid,
  ],
  ['hostname (21)', { hostname: 'h' }, before + account + cluster + uid + 'aa010168'],
  [
    'services (22)',
    { services: new Map([['s/h', [ports(80, 8080)]]]) },
    before + account + cluster + uid + 'b2010e' + '0a03732f68' + '1207' + '0a05' + '0850' + '10903f',
  ],
  [
    'application tunnel PROXY (23)',
    { applicationTunnel: { protocol: 'proxy', port: 15_088 } },
    before + account + cluster + uid + 'ba0105' + '0801' + '10f075',
  ],
  [
    'locality (24)',
    { locality: { region: 'r', zone: 'z', subzone: '' } },
    before + account + cluster + uid + 'c20106' + '0a0172' + '12017a',
  ],
  ['network mode HOST_NETWORK (25)', { hostNetwork: true }, before + account + cluster + uid + 'c80101'],
  ['capacity 5 (27)', { capacity: 5 }, before + account + cluster + uid + 'da0102' + '0805'],
  ['capacity 0 is not absent (27)', { capacity: 0 }, before + account + cluster + uid + 'da0100'],
]

for (const [name, change, body] of workloadCases) {
  test(`encodeWorkload writes ${name}`, () => {
    assert.equal(hex(encodeWorkload({ ...plainWorkload, ...change })), wrap(1, body))
  })
}

const start = '0a016e' + '120173' + '1a0168'

const serviceCases: readonly (readonly [string, Partial<Service>, string])[] = [
  ['nothing but defaults', {}, start],
  [
    'an address (4), without length',
    { addresses: [{ network: '', address: ip('240.0.0.1') }] },
    start + '2206' + '1204f0000001',
  ],
  [
    'a range (4) of length 0, which is not absent',
    { addresses: [{ network: 'w', address: ip('10.0.0.0'), prefixBits: 0 }] },
    start + '220b' + '0a0177' + '12040a000000' + '1800',
  ],
  [
    'ports (5), a named target as 0',
    { ports: [{ servicePort: 80, targetPort: 0, appProtocol: 'http2' }] },
    start + '2a04' + '0850' + '1802',
  ],
  ['subject alt names (6)', { subjectAltNames: ['a'] }, start + '320161'],
  ['waypoint (7)', { waypoint: gateway }, start + '3a0e' + gatewayBody],
  [
    'load balancing (8)',
    { loadBalancing: { preference: ['region', 'network'], mode: 'failover', health: 'allow-all' } },
    start + '4208' + '0a020106' + '1002' + '1801',
  ],
  ['IP families (9)', { ipFamilies: 'dual' }, start + '4803'],
  ['canonical (11)', { canonical: true }, start + '5801'],
  ['ingress use waypoint (12)', { ingressUseWaypoint: true }, start + '6001'],
  [
    'weighted waypoints (13), by host name',
    {
      weightedWaypoints: [
        {
          destination: {
            destination: { kind: 'hostname', namespace: 's', hostname: 'w' },
            hboneMtlsPort: 15_008,
          },
          weight: 3,
        },
      ],
    },
    start + '6a0f' + '0a0b' + '0a06' + '0a0173' + '120177' + '18a075' + '1003',
  ],
  ['visibility (14)', { visibility: 'namespace' }, start + '7001'],
]

for (const [name, change, body] of serviceCases) {
  test(`encodeService writes ${name}`, () => {
    assert.equal(hex(encodeService({ ...plainService, ...change })), wrap(2, body))
  })
}

test('encodeWorkload gives the same bytes whatever order the services were added in', () => {
  const a = [['s/a', [ports(1, 2)]]] as const
  const b = [['s/b', [ports(3, 4)]]] as const
  const one = encodeWorkload({ ...plainWorkload, services: new Map([...a, ...b]) })
  const other = encodeWorkload({ ...plainWorkload, services: new Map([...b, ...a]) })
  assert.equal(hex(one), hex(other))
})
