import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AnyObject, MeshSpec, SubjectSpec, TargetRuleSpec } from '@tulle/api'
import { must } from '@tulle/core'
import { explainConnection } from './explain.ts'
import {
  httpRouteGroup,
  mesh,
  namespaceObject,
  service,
  serviceAccount,
  tcpRoute,
  trafficTarget,
  udpRoute,
  workload,
} from './testing/objects.ts'
import type { Meta } from './testing/objects.ts'
import { contentsOf, World } from './testing/world.ts'
import { meshWarnings } from './warnings.ts'

const names = fc.constantFrom('a', 'b', 'c')
const namespaces = fc.constantFrom('shop', 'bank')
const ports = fc.constantFrom(80, 8080, 9090)
const labels = fc.oneof(
  fc.constant({ app: 'a' }),
  fc.constant({ app: 'b', tier: 'x' }),
  fc.constant({ 'tulle.dev/dataplane-mode': 'none', app: 'a' }),
  fc.constant({}),
)
const addresses = fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', 'nonsense', '0.0.0.0')
const metas: fc.Arbitrary<Meta> = fc
  .record({
    namespace: namespaces,
    labels,
    created: fc.constantFrom(undefined, '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', 'nonsense'),
  })
  .map(({ created, ...meta }) => (created === undefined ? meta : { ...meta, creationTimestamp: created }))
const subjects: fc.Arbitrary<SubjectSpec> = fc.record({
  kind: fc.constantFrom('ServiceAccount', 'ServiceAccount', 'ServiceAccount', 'IdentityBinding'),
  name: names,
  namespace: namespaces,
})
const rules: fc.Arbitrary<TargetRuleSpec> = fc.oneof(
  fc.record({ kind: fc.constantFrom('TCPRoute' as const, 'UDPRoute' as const), name: names }),
  fc.record({
    kind: fc.constant('HTTPRouteGroup' as const),
    name: names,
    matches: fc.constantFrom(['m'], ['m', 'n']),
  }),
)
const modes: fc.Arbitrary<MeshSpec> = fc.record({
  trustDomain: fc.constantFrom('cluster.local', 'example.org', 'Not A Domain'),
  mtls: fc.constantFrom('permissive', 'strict'),
  access: fc.constantFrom('enforce-selected', 'audit', 'enforce'),
})
const servicePorts = fc.array(
  fc.record({
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    port: ports,
    targetPort: fc.constantFrom<number | string>(8080, 9090, 'web'),
  }),
  { maxLength: 2 },
)
const run = { command: ['true'], env: {} }

const objects: fc.Arbitrary<AnyObject> = fc.oneof(
  fc.tuple(namespaces, metas).map(([name, meta]) => namespaceObject(name, meta)),
  fc.tuple(names, metas).map(([name, meta]) => serviceAccount(name, meta)),
  fc
    .tuple(names, metas, servicePorts, fc.constantFrom(undefined, 'None', '10.0.0.1', '240.240.0.1'))
    .map(([name, meta, list, ip]) =>
      service(name, { ports: list, ...(ip === undefined ? {} : { clusterIP: ip }) }, meta),
    ),
  fc.tuple(modes, metas, names).map(([spec, meta, name]) => mesh(spec, { ...meta, name })),
  fc
    .tuple(names, metas, fc.option(addresses, { nil: undefined }), names)
    .map(([name, meta, address, serviceAccountName]) =>
      workload(
        name,
        {
          serviceAccount: serviceAccountName,
          ...(address === undefined ? { run } : { address }),
          ports: name === 'a' ? [{ name: 'web', port: 8080 }] : [],
        },
        meta,
      ),
    ),
  fc
    .tuple(names, metas, subjects, fc.array(subjects, { maxLength: 2 }), fc.array(rules, { maxLength: 3 }))
    .map(([name, meta, destination, sources, list]) =>
      trafficTarget(name, { destination, sources, rules: list }, meta),
    ),
  fc
    .tuple(names, metas, fc.array(ports, { maxLength: 2 }))
    .map(([name, meta, list]) => tcpRoute(name, list, meta)),
  fc
    .tuple(names, metas, fc.array(ports, { maxLength: 2 }))
    .map(([name, meta, list]) => udpRoute(name, list, meta)),
  fc.tuple(names, metas).map(([name, meta]) => httpRouteGroup(name, ['m', 'm'], meta)),
)
const steps = fc.record({ kind: fc.constantFrom('set', 'set', 'set', 'delete', 'allot'), object: objects })
const histories = fc.array(fc.array(steps, { minLength: 1, maxLength: 6 }), { maxLength: 12 })

type Step = { readonly kind: string; readonly object: AnyObject }

function replay(history: readonly (readonly Step[])[]): World {
  const world = new World()
  for (const batch of history) {
    world.graph.transaction(() => {
      for (const { kind, object } of batch) {
        if (kind === 'set') world.set(object)
        else if (kind === 'delete') world.delete(object)
      }
    })
    if (batch.some(({ kind }) => kind === 'allot')) world.allot()
  }
  return world
}

test('translateMesh(): incremental equals from scratch, over random histories of objects', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const world = replay(history)
      const fresh = new World()
      fresh.set(...world.objects().toReversed())
      fresh.graph.transaction(() => fresh.allocations.replace(new Map(world.allocations.entries())))
      assert.deepEqual(contentsOf(world.model), contentsOf(fresh.model))
      assert.deepEqual(meshWarnings(world.model), meshWarnings(fresh.model))
    }),
    { numRuns: 150 },
  )
})

test('translateMesh(): every object has the three conditions, whatever is written', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const world = replay(history)
      assert.equal(world.model.conditions.size, world.objects().length)
      for (const [, conditions] of world.model.conditions.entries()) {
        assert.deepEqual(conditions.map(({ type }) => type).slice(0, 3), [
          'Accepted',
          'ResolvedRefs',
          'Conflicted',
        ])
      }
    }),
    { numRuns: 50 },
  )
})

test('translateMesh(): no two resources share an address, and every policy that is named exists', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { model } = replay(history)
      const aliases = Array.from(model.resources.address.entries(), ([, resource]) => resource.aliases).flat()
      assert.equal(new Set(aliases).size, aliases.length)
      for (const [, { policies, services }] of model.workloads.entries()) {
        for (const key of policies) assert.ok(model.policies.get(key) !== undefined, key)
        for (const key of services.keys()) assert.ok(model.services.get(key) !== undefined, key)
      }
    }),
    { numRuns: 50 },
  )
})

test('explainConnection(): agrees with what is served, for every pair', () => {
  fc.assert(
    fc.property(histories, ports, (history, port) => {
      const { model } = replay(history)
      const uids = Array.from(model.workloads.entries(), ([uid]) => uid)
      for (const from of uids) {
        for (const to of uids) {
          const explanation = must(explainConnection(model, { from, to, port }))
          assert.equal(explanation.allowed, explanation.verdict.allowed)
          assert.ok(explanation.changes.length > 0, explanation.summary)
        }
      }
    }),
    { numRuns: 50 },
  )
})
