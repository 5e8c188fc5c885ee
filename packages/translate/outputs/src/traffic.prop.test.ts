import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseManifests } from '@tulle/api'
import type { AnyObject } from '@tulle/api'
import type { Backend, Routes } from '@tulle/traffic'
import { showTraffic } from './testing/show-traffic.ts'
import { World } from './testing/world.ts'
import { meshWarnings } from './warnings.ts'

const gateway = 'gateway.networking.k8s.io/v1'
const names = fc.constantFrom('a', 'b', 'c')
const namespaces = fc.constantFrom('shop', 'bank')
const numbers = fc.constantFrom(80, 81, 443)
const metadata = fc.record(
  {
    name: names,
    namespace: namespaces,
    generation: fc.nat(3),
    creationTimestamp: fc.constantFrom('2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', 'nonsense'),
  },
  { requiredKeys: ['name', 'namespace'] },
)

type Fields = Readonly<Record<string, unknown>>

function kind(apiVersion: string, name: string, spec: fc.Arbitrary<unknown>): fc.Arbitrary<Fields> {
  return fc.record({ apiVersion: fc.constant(apiVersion), kind: fc.constant(name), metadata, spec })
}

const parentRefs = fc.uniqueArray(
  fc.record(
    {
      group: fc.constant(''),
      kind: fc.constant('Service'),
      name: names,
      namespace: namespaces,
      port: numbers,
    },
    { requiredKeys: ['group', 'kind', 'name', 'namespace'] },
  ),
  { maxLength: 2, selector: ({ name, namespace }) => `${namespace}/${name}` },
)
const backendRef = fc.record(
  { name: names, namespace: namespaces, port: numbers, weight: fc.nat(3) },
  { requiredKeys: ['name', 'port'] },
)
const backendRefs = fc.array(backendRef, { minLength: 1, maxLength: 3 })
const filters = fc.uniqueArray(
  fc.oneof(
    fc.record({
      type: fc.constant('RequestMirror'),
      requestMirror: fc.record({
        backendRef: fc.record({ name: names, namespace: namespaces, port: numbers }),
      }),
    }),
    fc.constant({
      type: 'RequestHeaderModifier',
      requestHeaderModifier: { remove: ['connection'] },
    }),
    fc.constant({ type: 'ExtensionRef', extensionRef: { group: 'example.com', kind: 'Limit', name: 'a' } }),
  ),
  { maxLength: 2, selector: ({ type }) => type },
)
const rules = fc
  .array(
    fc.record({
      matches: fc.array(
        fc.record({ path: fc.record({ value: fc.constantFrom('/', '/a', '/a/b', '/%00') }) }),
        {
          maxLength: 2,
        },
      ),
      filters,
      backendRefs,
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((list) => list.map((rule, i) => (i === 0 ? { ...rule, name: 'first' } : rule)))
const streamRules = fc.record({ backendRefs }).map((rule) => [rule])
const policyTargets = fc.uniqueArray(
  fc.oneof(
    fc.record(
      {
        group: fc.constant(''),
        kind: fc.constant('Service'),
        name: names,
        sectionName: fc.constantFrom('http', 'tcp', 'p'),
      },
      { requiredKeys: ['group', 'kind', 'name'] },
    ),
    fc.record(
      {
        group: fc.constant('gateway.networking.k8s.io'),
        kind: fc.constantFrom('HTTPRoute', 'GRPCRoute'),
        name: names,
        sectionName: fc.constantFrom('first', 'second'),
      },
      { requiredKeys: ['group', 'kind', 'name'] },
    ),
  ),
  { minLength: 1, maxLength: 3, selector: (ref) => JSON.stringify(ref) },
)
const targetRefs = names.map((name) => [{ group: '', kind: 'Service', name }])

const documents: fc.Arbitrary<Fields> = fc.oneof(
  kind(
    'v1',
    'Service',
    fc.record(
      {
        ports: fc.uniqueArray(
          fc.record({ name: fc.constantFrom('http', 'tcp', 'tls', 'grpc', 'p'), port: numbers }),
          { minLength: 1, maxLength: 3, selector: ({ port }) => port, comparator: 'SameValue' },
        ),
        clusterIP: fc.constant('None'),
      },
      { requiredKeys: ['ports'] },
    ),
  ),
  kind(gateway, 'HTTPRoute', fc.record({ parentRefs, rules })),
  kind(
    gateway,
    'GRPCRoute',
    fc.record({ parentRefs, rules: fc.record({ backendRefs }).map((rule) => [rule]) }),
  ),
  kind(
    gateway,
    'TLSRoute',
    fc.record({ parentRefs, hostnames: fc.constant(['a.example.com']), rules: streamRules }),
  ),
  kind(gateway, 'TCPRoute', fc.record({ parentRefs, rules: streamRules })),
  kind(
    gateway,
    'ReferenceGrant',
    namespaces.map((namespace) => ({
      from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace }],
      to: [{ group: '', kind: 'Service' }],
    })),
  ),
  kind(
    gateway,
    'BackendTLSPolicy',
    targetRefs.map((refs) => ({
      targetRefs: refs,
      validation: { hostname: 'a.example.com', wellKnownCACertificates: 'System' },
    })),
  ),
  kind(
    'gateway.networking.x-k8s.io/v1alpha1',
    'XBackendTrafficPolicy',
    targetRefs.map((refs) => ({ targetRefs: refs, retryConstraint: {} })),
  ),
  kind(
    'tulle.dev/v1alpha1',
    'TrafficPolicy',
    fc.record({ targetRefs: policyTargets, hedging: fc.constant({ delay: '1s' }) }),
  ),
  kind(
    'specs.smi-spec.io/v1alpha4',
    'HTTPRouteGroup',
    fc.constant({ matches: [{ name: 'a', pathRegex: '/a' }] }),
  ),
  kind(
    'split.smi-spec.io/v1alpha4',
    'TrafficSplit',
    fc.record(
      {
        service: names,
        backends: fc.array(fc.record({ service: names, weight: fc.nat(2) }), { minLength: 1, maxLength: 3 }),
        matches: fc.constant([{ kind: 'HTTPRouteGroup', name: 'a' }]),
      },
      { requiredKeys: ['service', 'backends'] },
    ),
  ),
)

/** As they come out of the reader; a document that it refuses is none. */
const objects: fc.Arbitrary<AnyObject> = documents
  .map((document) => parseManifests(JSON.stringify(document), 'traffic.yaml').objects[0])
  .filter((object) => object !== undefined)
const steps = fc.record({ deletes: fc.boolean(), object: objects })
const histories = fc.array(fc.array(steps, { minLength: 1, maxLength: 8 }), { maxLength: 10 })

type History = readonly (readonly { readonly deletes: boolean; readonly object: AnyObject }[])[]

function replay(history: History): World {
  const world = new World()
  for (const batch of history) {
    world.graph.transaction(() => {
      for (const { deletes, object } of batch) {
        if (deletes) world.delete(object)
        else world.set(object)
      }
    })
  }
  return world
}

function backendsOf(routes: Routes): readonly Backend[] {
  if (routes.kind === 'tcp') return routes.backends.map(({ backend }) => backend)
  if (routes.kind === 'tls')
    return routes.entries.flatMap((entry) => entry.backends.map(({ backend }) => backend))
  return routes.entries.flatMap(({ rule }) => [
    ...rule.backends.map(({ backend }) => backend),
    ...rule.filters.flatMap((filter) => (filter.kind === 'mirror' ? [filter.backend] : [])),
  ])
}

test('service traffic: what grew over any history is what the same objects give at once, in any order', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const world = replay(history)
      const fresh = new World()
      fresh.set(...world.objects().toReversed())
      assert.equal(showTraffic(world.model), showTraffic(fresh.model))
      assert.deepEqual(meshWarnings(world.model), meshWarnings(fresh.model))
    }),
    { numRuns: 150 },
  )
})

test('service traffic: every object is spoken of, in its own generation', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const world = replay(history)
      for (const object of world.objects()) {
        const { group, kind: name, metadata: meta } = object
        const conditions = world.model.conditions.get(`${group}/${name}/${meta.namespace}/${meta.name}`) ?? []
        assert.ok(conditions.some(({ type }) => type === 'Accepted'))
        if (!group.startsWith('gateway.') && !name.startsWith('Traffic')) continue
        for (const condition of conditions) assert.equal(condition.observedGeneration, meta.generation)
      }
    }),
    { numRuns: 60 },
  )
})

test('service traffic: every backend is a port of a Service that is there, or an answer', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { model } = replay(history)
      const ports = new Set(
        Array.from(model.api.services.entries(), ([, { metadata: meta, spec }]) =>
          spec.ports.map(
            ({ port }) => `${meta.namespace}/${meta.name}.${meta.namespace}.svc.cluster.local:${port}`,
          ),
        ).flat(),
      )
      for (const [, traffic] of model.traffic.entries()) {
        for (const { producer, consumers } of traffic.ports) {
          const all = [...(producer === undefined ? [] : [producer]), ...consumers.values()]
          for (const backend of all.flatMap(backendsOf)) {
            if (backend.kind === 'service') assert.ok(ports.has(`${backend.service}:${backend.port}`))
            else assert.equal(backend.status, 500)
          }
        }
      }
    }),
    { numRuns: 60 },
  )
})
