import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WaypointWorld } from './waypoint-world.ts'

const automatic = 'shop/tulle-waypoint'
const admission = 'shop/tulle.waypoint.tulle-waypoint'

function waypointOfService(world: WaypointWorld, key: string): string | undefined {
  const destination = world.model.services.get(key)?.waypoint?.destination
  return destination?.kind === 'address' ? destination.address : undefined
}

test('without a need there is no waypoint, and nobody is bound', () => {
  const world = new WaypointWorld()
  const books = world.service('books')
  world.workload('books', [books])
  world.target('books', { http: false })
  assert.equal(world.model.waypoints.size, 0)
  assert.equal(world.model.services.get(books)?.waypoint, undefined)
})

test('a route brings about the waypoint of its namespace, and says so', () => {
  const world = new WaypointWorld()
  const books = world.service('books')
  world.route(books)
  assert.deepEqual(world.model.waypoints.get(automatic), {
    namespace: 'shop',
    name: 'tulle-waypoint',
    serves: 'all',
    origin: 'automatic',
    reasons: ['routes of Service shop/books are read by it'],
  })
})

test('callers go through a waypoint once it is ready, and directly before', () => {
  const world = new WaypointWorld()
  const books = world.service('books')
  const other = world.service('other')
  world.route(books)
  assert.equal(waypointOfService(world, books), undefined)
  world.runs(automatic)
  assert.equal(waypointOfService(world, books), '10.77.9.9')
  assert.equal(waypointOfService(world, other), undefined, 'only what needs it is bound')
})

test('who runs as an account whose requests are to be read is bound by its own address and by its services', () => {
  const world = new WaypointWorld()
  const books = world.service('books')
  const uid = world.workload('books', [books])
  const policy = world.target('books', { http: true })
  assert.deepEqual(
    world.model.workloads.get(uid)?.policies,
    [policy, admission],
    'closed but for the waypoint',
  )
  world.runs(automatic)
  assert.equal(waypointOfService(world, books), '10.77.9.9')
  assert.deepEqual(world.model.workloads.get(uid)?.waypoint, {
    destination: { kind: 'address', network: '', address: '10.77.9.9' },
    hboneMtlsPort: 15_008,
  })
  assert.deepEqual(world.model.waypoints.get(automatic)?.reasons, [
    'HTTP rules of TrafficTarget shop/books are read by it',
  ])
})

test('the admission lets in the identity of the waypoint and nobody else', () => {
  const world = new WaypointWorld()
  world.route(world.service('books'))
  const policy = world.model.admissions.get(admission)
  assert.deepEqual(
    [policy?.action, policy?.scope, policy?.dryRun, policy?.rules.length],
    ['allow', 'workload', false, 1],
  )
  assert.deepEqual(policy?.rules[0]?.clauses[0]?.matches[0]?.principals, [
    { kind: 'exact', value: 'td/ns/shop/sa/tulle-waypoint' },
  ])
})

test('a workload that routes lead to lets in the waypoint of the service that was called, and a weight changes nothing', () => {
  const world = new WaypointWorld()
  const books = world.service('books')
  const next = world.service('books-v2')
  const uid = world.workload('books-v2', [next])
  const policy = world.target('books-v2', { http: false })
  assert.deepEqual(world.model.workloads.get(uid)?.policies, [policy])
  world.route(books, new Map([[next, 1]]))
  const admitted = world.model.workloads.get(uid)
  assert.deepEqual(admitted?.policies, [policy, admission])
  world.runs(automatic)
  assert.equal(waypointOfService(world, next), undefined, 'callers of its own go directly')
  world.route(books, new Map([[next, 2]]))
  assert.equal(world.model.workloads.get(uid), admitted)
  world.route(books)
  assert.deepEqual(world.model.workloads.get(uid)?.policies, [policy])
})

test('a workload that no policy names is not closed by an admission', () => {
  const world = new WaypointWorld()
  const books = world.service('books')
  const uid = world.workload('books', [books])
  world.route(books)
  assert.deepEqual(world.model.workloads.get(uid)?.policies, [])
  world.access('enforce')
  assert.deepEqual(
    world.model.workloads.get(uid)?.policies,
    [admission],
    'closed by the mesh, open to the waypoint',
  )
})

test('where the mesh only audits, an admission only audits too', () => {
  const world = new WaypointWorld()
  world.route(world.service('books'))
  world.access('audit')
  assert.equal(world.model.admissions.get(admission)?.dryRun, true)
})

test('a label names a waypoint, of the object before that of its namespace', () => {
  const world = new WaypointWorld()
  world.gateway('shop', 'wp')
  world.gateway('shop', 'special')
  world.namespace('shop', { 'tulle.dev/use-waypoint': 'wp' })
  const books = world.service('books')
  const special = world.service('special', { 'istio.io/use-waypoint': 'special' })
  const free = world.service('free', { 'tulle.dev/use-waypoint': 'none' })
  world.runs('shop/wp', '10.77.9.1')
  world.runs('shop/special', '10.77.9.2')
  assert.equal(waypointOfService(world, books), '10.77.9.1')
  assert.equal(waypointOfService(world, special), '10.77.9.2')
  assert.equal(waypointOfService(world, free), undefined)
  world.route(free)
  assert.equal(world.model.waypoints.get(automatic), undefined)
})

test('a waypoint of another namespace is named with it', () => {
  const world = new WaypointWorld()
  world.gateway('infra', 'wp')
  const books = world.service('books', {
    'tulle.dev/use-waypoint': 'wp',
    'tulle.dev/use-waypoint-namespace': 'infra',
  })
  world.runs('infra/wp')
  assert.equal(waypointOfService(world, books), '10.77.9.9')
})

test('waypoint-for: what a waypoint is not for goes directly', () => {
  const world = new WaypointWorld()
  world.gateway('shop', 'wp', { 'tulle.dev/waypoint-for': 'workload' })
  world.namespace('shop', { 'tulle.dev/use-waypoint': 'wp' })
  const books = world.service('books')
  const uid = world.workload('books', [books])
  world.runs('shop/wp')
  assert.equal(waypointOfService(world, books), undefined)
  assert.notEqual(world.model.workloads.get(uid)?.waypoint, undefined)
})

test('a waypoint that is named and not there opens nothing', () => {
  const world = new WaypointWorld()
  world.namespace('shop', { 'tulle.dev/use-waypoint': 'missing' })
  const books = world.service('books')
  const uid = world.workload('books', [books])
  const policy = world.target('books', { http: true })
  assert.equal(world.model.waypoints.size, 0)
  assert.deepEqual(world.model.workloads.get(uid)?.policies, [policy])
  assert.equal(world.model.workloads.get(uid)?.waypoint, undefined)
})

test('nobody else runs as the account of a waypoint', () => {
  const world = new WaypointWorld()
  const intruder = world.workload('intruder', [], 'tulle-waypoint')
  assert.notEqual(world.model.workloads.get(intruder), undefined)
  world.route(world.service('books'))
  assert.equal(world.model.workloads.get(intruder), undefined)
})

test('a waypoint is a workload on a node of its own, once it has an address', () => {
  const world = new WaypointWorld()
  world.route(world.service('books'))
  assert.equal(world.model.workloads.size, 0)
  world.runs(automatic)
  const instance = world.model.workloads.get(`tulle//Waypoint/${automatic}`)
  assert.deepEqual(
    [instance?.node, instance?.serviceAccount, instance?.tunnel, instance?.addresses],
    ['waypoint_shop_tulle-waypoint', 'tulle-waypoint', 'hbone', ['10.77.9.9']],
  )
})

test('every policy is there for waypoints, under its own key', () => {
  const world = new WaypointWorld()
  world.workload('books')
  const policy = world.target('books', { http: true })
  assert.deepEqual(
    Array.from(world.model.access.entries(), ([key]) => key),
    [policy, admission],
  )
})

test('a waypoint that nothing needs any more leaves: nobody is sent to it, and workloads let it in until it is gone', () => {
  const world = new WaypointWorld()
  const books = world.service('books')
  const uid = world.workload('books', [books])
  const policy = world.target('books', { http: false })
  world.route(books)
  world.runs(automatic)
  world.ledBefore(uid, [automatic])
  world.unroute(books)
  assert.equal(waypointOfService(world, books), undefined)
  assert.equal(world.model.waypoints.get(automatic)?.leaving, 'finishing')
  assert.deepEqual(world.model.workloads.get(uid)?.policies, [policy, admission])
  assert.notEqual(world.model.admissions.get(admission), undefined)
  assert.notEqual(world.model.workloads.get('tulle//Waypoint/shop/tulle-waypoint'), undefined)
  world.ends(automatic)
  assert.equal(world.model.waypoints.get(automatic)?.leaving, 'ending')
  world.isGone(automatic)
  assert.equal(world.model.waypoints.size, 0)
  assert.deepEqual(world.model.workloads.get(uid)?.policies, [policy])
  assert.equal(world.model.admissions.size, 0)
})

test('a waypoint that is needed again serves on, but for one that was told to end', () => {
  const world = new WaypointWorld()
  const books = world.service('books')
  world.route(books)
  world.runs(automatic)
  world.unroute(books)
  world.route(books)
  assert.equal(waypointOfService(world, books), '10.77.9.9')
  world.unroute(books)
  world.ends(automatic)
  world.route(books)
  assert.equal(waypointOfService(world, books), undefined, 'its process ends, whatever is said now')
  assert.equal(world.model.waypoints.get(automatic)?.leaving, 'ending')
  world.isGone(automatic)
  assert.equal(world.model.waypoints.get(automatic)?.leaving, undefined)
  assert.equal(waypointOfService(world, books), undefined, 'the next one is not ready yet')
})

test('a waypoint that stays is let in for a while by what is led past it now, and by nothing else', () => {
  const world = new WaypointWorld()
  const books = world.service('books')
  const pens = world.service('pens')
  const uid = world.workload('books', [books])
  const other = world.workload('ledger')
  const policy = world.target('books', { http: false })
  const otherPolicy = world.target('ledger', { http: false })
  world.route(books)
  world.route(pens)
  world.runs(automatic)
  world.ledBefore(uid, [automatic])
  world.unroute(books)
  assert.equal(world.model.waypoints.get(automatic)?.leaving, undefined)
  assert.deepEqual(world.model.workloads.get(uid)?.policies, [policy, admission])
  assert.deepEqual(world.model.workloads.get(other)?.policies, [otherPolicy])
  world.ledBefore(uid, [])
  assert.deepEqual(world.model.workloads.get(uid)?.policies, [policy])
})

/** Addresses with their weights. */
function sharesOfService(world: WaypointWorld, key: string): readonly string[] {
  return (world.model.services.get(key)?.weightedWaypoints ?? []).map(({ destination, weight }) =>
    destination.destination.kind === 'address' ? `${destination.destination.address} ${weight}` : '',
  )
}

const canary = { 'tulle.dev/canary-of': 'wp' }
const percent = (value: string): Readonly<Record<string, string>> => ({ 'tulle.dev/canary-percent': value })

/** `books`, closed but for its target, bound to `wp` at 10.77.9.1; with the uid of its workload. */
function namedWorld(): { readonly world: WaypointWorld; readonly books: string; readonly uid: string } {
  const world = new WaypointWorld()
  world.gateway('shop', 'wp')
  world.namespace('shop', { 'tulle.dev/use-waypoint': 'wp' })
  const books = world.service('books')
  const uid = world.workload('books', [books])
  world.target('books', { http: false })
  world.runs('shop/wp', '10.77.9.1')
  return { world, books, uid }
}

test('a canary takes its share of connections once it is ready, and workloads let it in before', () => {
  const { world, books, uid } = namedWorld()
  world.gateway('shop', 'next', canary, percent('5'))
  assert.deepEqual(sharesOfService(world, books), [])
  assert.deepEqual(world.model.workloads.get(uid)?.policies, [
    'shop/smi.books',
    'shop/tulle.waypoint.next',
    'shop/tulle.waypoint.wp',
  ])
  world.runs('shop/next', '10.77.9.2')
  assert.deepEqual(sharesOfService(world, books), ['10.77.9.1 95', '10.77.9.2 5'])
  world.gateway('shop', 'next', canary, percent('100'))
  assert.deepEqual(sharesOfService(world, books), ['10.77.9.2 100'])
  world.ungateway('shop', 'next')
  assert.deepEqual(sharesOfService(world, books), [])
  assert.equal(waypointOfService(world, books), '10.77.9.1')
  assert.equal(world.model.waypoints.get('shop/next')?.leaving, 'finishing')
})

test('a canary without a readable share takes nothing, and says why', () => {
  const { world, books } = namedWorld()
  for (const said of ['', '-1', '101', '5%', '2.5', '1e1']) {
    world.gateway('shop', 'next', canary, percent(said))
    world.runs('shop/next', '10.77.9.2')
    assert.deepEqual(sharesOfService(world, books), [], said)
    assert.match(world.model.waypoints.get('shop/next')?.reasons[0] ?? '', /is no whole number of 0–100$/u)
  }
  world.gateway('shop', 'next', canary)
  assert.deepEqual(sharesOfService(world, books), [])
})

test('a canary of a waypoint that is not ready brings nobody anywhere, and one of itself is none', () => {
  const world = new WaypointWorld()
  world.gateway('shop', 'wp', { 'tulle.dev/canary-of': 'wp' }, percent('50'))
  world.gateway('shop', 'next', canary, percent('50'))
  world.namespace('shop', { 'tulle.dev/use-waypoint': 'wp' })
  const books = world.service('books')
  world.runs('shop/next', '10.77.9.2')
  assert.equal(waypointOfService(world, books), undefined)
  assert.deepEqual(sharesOfService(world, books), [])
  assert.equal(world.model.waypoints.get('shop/wp')?.canary, undefined)
})
