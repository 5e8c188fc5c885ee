import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MeshSpec, ServiceObject, TcpRouteObject, TrafficTargetObject, WorkloadObject } from '@tulle/api'
import { must } from '@tulle/core'
import { workloadUid } from '@tulle/workloads'
import { explainConnection } from './explain.ts'
import { mesh, service, tcpRoute, trafficTarget, workload } from './testing/objects.ts'
import { worldOf } from './testing/world.ts'

/** What users wrote, as the plain reading below goes through it. */
interface Manifests {
  readonly mesh: MeshSpec
  readonly workloads: readonly WorkloadObject[]
  readonly services: readonly ServiceObject[]
  readonly routes: readonly TcpRouteObject[]
  readonly targets: readonly TrafficTargetObject[]
}

/** Design §9 and §8, sentence by sentence over the manifests, without policies in between. */
function mayCall(written: Manifests, { from, to, port }: Call): boolean {
  // Nobody decides where no node proxy receives, and who sends without one shows no identity.
  if (!to.spec.hbone) return true
  const identified = from.spec.hbone
  if (!identified && written.mesh.mtls === 'strict') return false
  if (written.mesh.access === 'audit') return true
  const naming = written.targets.filter(
    ({ metadata, spec }) =>
      spec.destination.namespace === metadata.namespace &&
      spec.destination.kind === 'ServiceAccount' &&
      spec.destination.namespace === to.metadata.namespace &&
      spec.destination.name === to.spec.serviceAccount,
  )
  if (naming.length === 0) return written.mesh.access !== 'enforce'
  return identified && naming.some((target) => lists(target, from) && opens(written, target, { to, port }))
}

interface Call {
  readonly from: WorkloadObject
  readonly to: WorkloadObject
  readonly port: number
}

function lists(target: TrafficTargetObject, from: WorkloadObject): boolean {
  return target.spec.sources.some(
    ({ kind, namespace, name }) =>
      kind === 'ServiceAccount' && namespace === from.metadata.namespace && name === from.spec.serviceAccount,
  )
}

function opens(written: Manifests, target: TrafficTargetObject, at: Omit<Call, 'from'>): boolean {
  const { rules } = target.spec
  if (rules.some(({ kind }) => kind === 'HTTPRouteGroup')) return false
  return rules.some((rule) => {
    const route = written.routes.find(
      ({ metadata }) => metadata.namespace === target.metadata.namespace && metadata.name === rule.name,
    )
    if (rule.kind !== 'TCPRoute' || route === undefined) return false
    return route.spec.ports.length === 0 || route.spec.ports.some((number) => means(written, number, at))
  })
}

function means(written: Manifests, number: number, { to, port }: Omit<Call, 'from'>): boolean {
  const served = written.services
    .filter(
      ({ metadata, spec }) =>
        metadata.namespace === to.metadata.namespace && spec.selector['app'] === to.metadata.labels['app'],
    )
    .flatMap(({ spec }) =>
      spec.ports.map((entry) => ({ ...entry, target: Number(entry.targetPort ?? entry.port) })),
    )
  const own = [...to.spec.ports.map((entry) => entry.port), ...served.map(({ target }) => target)]
  const led = served.filter((entry) => entry.port === number).map(({ target }) => target)
  return own.includes(number) || led.length === 0 ? number === port : led.includes(port)
}

const names = fc.constantFrom('a', 'b')
const spaces = fc.constantFrom('shop', 'bank')
const ports = fc.constantFrom(80, 8080, 9090)
const subject = fc.record({
  kind: fc.constantFrom('ServiceAccount', 'ServiceAccount', 'ServiceAccount', 'Group'),
  name: names,
  namespace: spaces,
})
const rule = fc.record({
  kind: fc.constantFrom(
    'TCPRoute' as const,
    'TCPRoute' as const,
    'TCPRoute' as const,
    'UDPRoute' as const,
    'HTTPRouteGroup' as const,
  ),
  name: fc.constantFrom('a', 'b', 'lost'),
})
const workloads = fc
  .tuple(names, spaces, names, fc.boolean(), fc.uniqueArray(ports, { maxLength: 2 }))
  .map(([name, namespace, account, hbone, declared]) =>
    workload(
      name,
      {
        serviceAccount: account,
        hbone,
        run: { command: ['true'], env: {} },
        ports: declared.map((port) => ({ port })),
      },
      { namespace, labels: { app: name } },
    ),
  )
const services = fc
  .tuple(names, spaces, ports, ports)
  .map(([name, namespace, port, targetPort]) =>
    service(name, { ports: [{ protocol: 'TCP', port, targetPort }] }, { namespace }),
  )
const routes = fc
  .tuple(names, spaces, fc.uniqueArray(ports, { maxLength: 2 }))
  .map(([name, namespace, list]) => tcpRoute(name, list, { namespace }))
const targets = fc
  .tuple(names, spaces, subject, fc.array(subject, { maxLength: 2 }), fc.array(rule, { maxLength: 2 }))
  .map(([name, namespace, destination, sources, rules]) =>
    trafficTarget(name, { destination, sources, rules }, { namespace }),
  )
const byName = <T extends { metadata: { namespace: string; name: string } }>(
  object: fc.Arbitrary<T>,
  minLength: number = 0,
): fc.Arbitrary<T[]> =>
  fc.uniqueArray(object, {
    minLength,
    maxLength: 4,
    selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
  })

const manifests: fc.Arbitrary<Manifests> = fc.record({
  mesh: fc.record({
    mtls: fc.constantFrom('permissive' as const, 'permissive' as const, 'strict' as const),
    access: fc.constantFrom('enforce-selected' as const, 'enforce' as const, 'audit' as const),
  }),
  workloads: byName(workloads, 2),
  services: byName(services),
  routes: byName(routes),
  targets: byName(targets),
})

test('translateMesh() decides every call as a plain reading of design §8 and §9 does', () => {
  const seen = { allowed: 0, refused: 0 }
  fc.assert(
    fc.property(manifests, (written) => {
      const { model } = worldOf(
        mesh(written.mesh),
        ...written.workloads,
        ...written.services,
        ...written.routes,
        ...written.targets,
      )
      for (const call of callsBetween(written.workloads)) {
        const explanation = must(explainConnection(model, queryOf(call)))
        const expected = mayCall(written, call)
        assert.equal(explanation.allowed, expected, explanation.summary)
        if (expected) seen.allowed++
        else seen.refused++
      }
    }),
    { numRuns: 300 },
  )
  // Otherwise the property would say little.
  assert.ok(seen.allowed > 100 && seen.refused > 100, JSON.stringify(seen))
})

function callsBetween(all: readonly WorkloadObject[]): readonly Call[] {
  return all.flatMap((from) => all.flatMap((to) => [80, 8080, 9090].map((port) => ({ from, to, port }))))
}

function queryOf({ from, to, port }: Call): { from: string; to: string; port: number } {
  const uid = ({ metadata }: WorkloadObject): string => workloadUid(metadata.namespace, metadata.name)
  return { from: uid(from), to: uid(to), port }
}
