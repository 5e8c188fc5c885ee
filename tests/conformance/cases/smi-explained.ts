import { seededRng } from '@tulle/core'
import type { Rng } from '@tulle/core'
import type { Ask, CaseGroup, Manifest, RequestStep } from '../lib/case.ts'
import { httpRules, portRoute, routeGroup, split, target, tcpRules } from './manifests.ts'
import { b } from './smi-steps.ts'
import { answered, refused } from './steps.ts'

/** Many requests of which the suite says nothing but that they end as the mesh explains them: see `lib/explained.ts`. */

const requestsOfCase = 60

const froms = ['mesh/app-a', 'mesh/app-c', 'consumer/app-d']
const paths = [
  '/api',
  '/apix',
  '/api/x?y=/metrics',
  '/API',
  '/x/../api',
  '/%61pi',
  '/api%2fx',
  '//api',
  '/metrics',
  '/metrics/',
  '/?/api',
  '/list',
  '/',
]
const methods = ['GET', 'GET', 'POST', 'DELETE', 'OPTIONS']
const headerSets: readonly NonNullable<Ask['headers']>[] = [
  {},
  { 'x-one': '1' },
  { 'X-One': '1', 'x-two': '22' },
  { 'x-one': ['1', '2'], 'x-two': '2' },
  { 'x-preview': 'yes' },
  { 'x-preview': ['no', 'yes'] },
  { 'x-preview': 'yes, yes' },
]

function pick<Item>(rng: Rng, [first, ...others]: readonly [Item, ...Item[]] | readonly Item[]): Item {
  const all = [first, ...others] as readonly Item[]
  return all[Math.floor(rng.next() * all.length)] as Item
}

/** The same in every run. */
function generated(seed: number, tos: readonly string[]): readonly RequestStep[] {
  const rng = seededRng(seed)
  return Array.from({ length: requestsOfCase }, () => ({
    kind: 'request',
    ask: {
      from: pick(rng, froms),
      to: pick(rng, tos),
      path: pick(rng, paths),
      method: pick(rng, methods),
      headers: pick(rng, headerSets),
      protocol: pick(rng, ['http1', 'http1', 'http2'] as const),
    },
    // A closed connection is no answer.
    expect: { status: [200, 400, 403, 404, 503, 0] },
  }))
}

const versioned = (manifest: Manifest, version: string): Manifest => ({
  ...manifest,
  apiVersion: `${manifest.apiVersion.split('/')[0] ?? ''}/${version}`,
})

const groups = [
  routeGroup('routes', [
    { name: 'api', pathRegex: '/api', methods: ['GET', 'POST'] },
    { name: 'metrics', pathRegex: '/metrics$', methods: ['*'] },
    { name: 'headers', headers: { 'x-one': '1', 'X-Two': '2.*' } },
    { name: 'list', pathRegex: '/list', headers: [{ 'x-one': '1' }] },
  ]),
  routeGroup('preview', [{ name: 'preview', headers: { 'x-preview': 'yes' } }]),
  portRoute('port', [9091]),
  portRoute('tcp', [9090, 8080]),
]

const targets = [
  target({ name: 'both', rules: [tcpRules('port'), httpRules('routes', ['api', 'headers'])] }),
  target({
    name: 'second',
    sources: ['service-c'],
    rules: [httpRules('routes', ['metrics', 'list', 'gone'])],
  }),
  target({ name: 'tcp', destination: 'service-c', rules: [tcpRules('tcp')] }),
]

const workloads = [
  'app-b.mesh:9091',
  'app-b.mesh:8080',
  'app-b.mesh:80',
  'app-c.mesh:9091',
  'app-c.mesh:80',
  'address of mesh/app-b:9091',
]
const roots = ['app-svc.mesh:9091', 'app-svc.mesh:80', 'app-b.mesh:9091']

export const smiExplainedCases: CaseGroup = ['v1alpha3', 'v1alpha4'].flatMap((version, place) => [
  {
    id: `smi-explained/access-${version}`,
    proves: `What is explained of TrafficTargets (${version}) is what happens to ${requestsOfCase} requests`,
    spec: 'design §9.1, §9.2, §9.5, §9.8',
    manifests: [...groups, ...targets.map((one) => versioned(one, version))],
    steps: [answered(b('/api'), 'app-b'), refused(b('/'), 403), ...generated(1 + place, workloads)],
  },
  {
    id: `smi-explained/deny-by-default-${version}`,
    proves: `The same where nobody is let in but by a rule (${version})`,
    spec: 'design §8',
    denyByDefault: true,
    manifests: [...groups, ...targets.map((one) => versioned(one, version))],
    steps: [answered(b('/api'), 'app-b'), refused(b('/'), 403), ...generated(11 + place, workloads)],
  },
  {
    id: `smi-explained/split-${version}`,
    proves: `What is explained of a TrafficSplit with matches (${version}), and of targets behind it, is what happens to ${requestsOfCase} requests`,
    spec: 'design §9.7',
    manifests: [
      ...groups,
      ...targets.map((one) => versioned(one, version)),
      versioned(split({ 'app-b': 1 }, { matches: ['preview', 'routes'] }), version),
      versioned(
        split({ 'app-c': 1, gone: 1 }, { name: 'of-b', service: 'app-b', matches: ['preview'] }),
        version,
      ),
    ],
    steps: [
      answered({ to: 'app-svc:9091', path: '/api' }, 'app-b'),
      ...generated(21 + place, [...roots, ...workloads]),
    ],
  },
])
