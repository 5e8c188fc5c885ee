import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifests } from '@tulle/api'
import type { AnyObject } from '@tulle/api'
import { worldOf } from './testing/world.ts'
import type { World } from './testing/world.ts'

function read(text: string): readonly AnyObject[] {
  const { objects, problems } = parseManifests(text, 'changes.yaml')
  assert.deepEqual(problems, [])
  return objects
}

const service = (name: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80 }] }
---`
const route = (name: string, weight: number): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: ${name} }]
  rules: [{ backendRefs: [{ name: ${name}, port: 80, weight: ${weight} }] }]
---`
const split = (name: string, weight: number): string => `
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: ${name}, namespace: shop }
spec: { service: ${name}, backends: [{ service: ${name}, weight: ${weight} }] }
---`

/** How often each collection ran, while `change` was made. */
function runsOf(world: World, change: () => void): ReadonlyMap<string, number> {
  const counts = (): ReadonlyMap<string, number> =>
    new Map(world.graph.dump().collections.map(({ name, runs }) => [name, runs]))
  const before = counts()
  change()
  const after = counts()
  return new Map(
    Array.from(after, ([name, runs]) => [name, runs - (before.get(name) ?? 0)] as const).filter(
      ([, runs]) => runs > 0,
    ),
  )
}

const names = Array.from({ length: 50 }, (_, i) => `s${i}`)

for (const [kind, make] of [
  ['HTTPRoute', route],
  ['TrafficSplit', split],
] as const) {
  test(`a changed weight of a ${kind} is computed for its own service alone, and told of no other`, () => {
    const world = worldOf(...read(names.map((name) => service(name) + make(name, 1)).join('\n')))
    const told: string[] = []
    using _watch = world.model.traffic.subscribe((changes) => told.push(...changes.map(({ key }) => key)))
    const runs = runsOf(world, () => world.set(...read(make('s7', 2))))
    for (const [name, count] of runs) assert.ok(count <= 2, `${name} ran ${count} times`)
    assert.deepEqual(told, ['shop/s7.shop.svc.cluster.local'])
  })
}

test('a backend that comes is taken up by the routes that name it, and a route that goes leaves nothing', () => {
  const world = worldOf(...read(service('a') + service('b') + route('a', 1)))
  const key = 'shop/a.shop.svc.cluster.local'
  const waiting = read(route('a', 1).replace('name: a, port: 80', 'name: c, port: 80'))
  world.set(...waiting)
  const backend = (): unknown => {
    const routes = world.model.traffic.get(key)?.ports[0]?.producer
    return routes?.kind === 'http' ? routes.entries[0]?.rule.backends[0]?.backend : undefined
  }
  assert.deepEqual(backend(), { kind: 'invalid', status: 500, reason: 'BackendNotFound' })
  world.set(...read(service('c')))
  assert.deepEqual(backend(), { kind: 'service', service: 'shop/c.shop.svc.cluster.local', port: 80 })
  world.delete(...waiting)
  assert.equal(world.model.traffic.get(key), undefined)
  assert.equal(world.model.conditions.get('gateway.networking.k8s.io/HTTPRoute/shop/a'), undefined)
})

test('a split takes over when the routes before it go, and gives way again when they come back', () => {
  const world = worldOf(...read(service('a') + service('b') + split('a', 1) + route('a', 1)))
  const decides = (): string | undefined => {
    const routes = world.model.traffic.get('shop/a.shop.svc.cluster.local')?.ports[0]?.producer
    return routes?.kind === 'http' ? routes.entries[0]?.rule.origin.kind : undefined
  }
  const routes = read(route('a', 1))
  assert.equal(decides(), 'HTTPRoute')
  world.delete(...routes)
  assert.equal(decides(), 'TrafficSplit')
  world.set(...routes)
  assert.equal(decides(), 'HTTPRoute')
})
