import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { parseAuthority } from '@tulle/hbone'
import { destinationOf } from './destination.ts'
import { ip, ownAddress, service, stateOf, throughUs, workload } from './test-mesh.ts'

const elsewhere = {
  destination: { kind: 'address', network: '', address: ip('10.0.0.8') },
  hboneMtlsPort: 15_008,
} as const
const state = stateOf(
  service('books', '10.1.0.1', { waypoint: throughUs }),
  service('ledger', '10.1.0.2'),
  service('other', '10.1.0.3', { waypoint: elsewhere }),
  service('canary', '10.1.0.4', {
    waypoint: elsewhere,
    weightedWaypoints: [{ destination: throughUs, weight: 1 }],
  }),
  workload('bound', '10.2.0.1', { waypoint: throughUs }),
  workload('free', '10.2.0.2'),
)

/** The key of where it leads, or why it leads nowhere. */
function leads(authority: string): string {
  const found = destinationOf(state, must(parseAuthority(authority)), 'shop')
  return found.ok ? `${found.value.key} ${found.value.port}` : found.error
}

const table: readonly (readonly [authority: string, expected: string])[] = [
  ['10.1.0.1:80', 'shop/books.shop.svc.cluster.local 80'],
  ['10.1.0.4:80', 'shop/canary.shop.svc.cluster.local 80'],
  ['books.shop.svc.cluster.local:80', 'shop/books.shop.svc.cluster.local 80'],
  ['10.2.0.1:9999', 'tulle//Workload/shop/bound 9999'],
  ['10.1.0.1:81', 'service shop/books.shop.svc.cluster.local has no port 81'],
  ['10.1.0.2:80', 'service shop/ledger.shop.svc.cluster.local is not bound to this waypoint'],
  ['10.1.0.3:80', 'service shop/other.shop.svc.cluster.local is not bound to this waypoint'],
  [
    'ledger.shop.svc.cluster.local:80',
    'service shop/ledger.shop.svc.cluster.local is not bound to this waypoint',
  ],
  ['10.2.0.2:8080', 'workload tulle//Workload/shop/free is not bound to this waypoint'],
  [`${ownAddress}:15020`, 'workload tulle//Waypoint/shop/w is not bound to this waypoint'],
  ['127.0.0.1:15020', 'nobody in the mesh has this address'],
  ['[::1]:15020', 'nobody in the mesh has this address'],
  ['169.254.169.254:80', 'nobody in the mesh has this address'],
  ['example.com:443', 'nobody in the mesh has this address'],
]
for (const [authority, expected] of table)
  test(`case 22: CONNECT ${authority}: ${expected}`, () => assert.equal(leads(authority), expected))
