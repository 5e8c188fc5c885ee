import type { CaseGroup, Step } from '../lib/case.ts'
import { portRoute, routeGroup, service, split, target, tcpRules } from './manifests.ts'
import { b, blocked, spread } from './smi-steps.ts'
import { answered, apply, condition, faulty, refused } from './steps.ts'

/** The strict list: splits. */
export const smiSplitCases: CaseGroup = [
  {
    id: 'smi-split/relative',
    proves: 'Weights are relative: 1000 and 500 are two thirds and one third of 3000 requests, within 3 %',
    spec: 'TrafficSplit weight; smi.md §3.6',
    manifests: [split({ 'app-b': 1000, 'app-c': 500 })],
    steps: [spread({ 'app-b': 2 / 3, 'app-c': 1 / 3 }, 3000)],
  },
  {
    id: 'smi-split/single-and-zero',
    proves: 'One backend takes everything, whatever its weight, and weight 0 nothing',
    spec: 'TrafficSplit weight',
    manifests: [split({ 'app-c': 1 })],
    steps: [spread({ 'app-c': 1 }), apply(split({ 'app-b': 0, 'app-c': 9 })), spread({ 'app-c': 1 })],
  },
  {
    id: 'smi-split/all-zero',
    proves: 'With all weights 0 the answer is 503',
    spec: 'design §9.9',
    manifests: [split({ 'app-b': 0, 'app-c': 0 })],
    steps: [1, 2].map(() => refused({ to: 'app-svc:9091' }, 503)),
  },
  {
    id: 'smi-split/missing-backend',
    proves: 'A backend that does not exist yet drops out, and the split says so',
    spec: 'TrafficSplit backends; smi.md §1.4',
    manifests: [split({ 'app-b': 1, 'app-v9': 1 })],
    steps: [spread({ 'app-b': 1 }), condition('TrafficSplit mesh/split', { ResolvedRefs: 'False' })],
  },
  {
    id: 'smi-split/port-mismatch',
    proves: 'A backend that lacks the port drops out on that port and keeps its share on the others',
    spec: 'TrafficSplit, ports; design §9.7',
    manifests: [
      service('narrow', {
        selector: { app: 'app-c' },
        ports: [{ name: 'http', port: 80, targetPort: 8080 }],
      }),
      split({ 'app-b': 1, narrow: 1 }),
    ],
    steps: [
      spread({ 'app-b': 1 }),
      { kind: 'share', ask: {}, atLeast: 200, shares: { '200 mesh/app-b': 0.5, '200 mesh/app-c': 0.5 } },
    ],
  },
  {
    id: 'smi-split/matches',
    proves:
      "What matches goes through the backends, and everything else to the root's endpoints; two groups are their union",
    spec: 'TrafficSplit matches; design §9.7',
    manifests: [
      routeGroup('firefox', [{ name: 'ua', headers: { 'user-agent': '.*Firefox.*' } }]),
      routeGroup('preview', [{ name: 'cookie', headers: { 'x-preview': 'yes' } }]),
      split({ 'app-c': 1 }, { service: 'app-b', matches: ['firefox', 'preview'] }),
    ],
    steps: [
      answered(b('/', { headers: { 'user-agent': 'a Firefox b' } }), 'app-c'),
      answered(b('/', { headers: { 'x-preview': 'yes' } }), 'app-c'),
      answered(b('/', { headers: { 'user-agent': 'Chrome' } }), 'app-b'),
      answered(b('/'), 'app-b'),
    ],
  },
  {
    id: 'smi-split/root-among-backends',
    proves: "The root among its own backends means the root's own endpoints",
    spec: 'design §9.7; smi.md §2 Q13',
    manifests: [split({ 'app-b': 1, 'app-c': 1 }, { service: 'app-b' })],
    steps: [
      { kind: 'share', ask: b('/'), atLeast: 200, shares: { '200 mesh/app-b': 0.5, '200 mesh/app-c': 0.5 } },
    ],
  },
  {
    id: 'smi-split/not-nested',
    proves: 'The split of a backend is not followed',
    spec: 'TrafficSplit, not hierarchical',
    manifests: [split({ 'app-b': 1 }), split({ 'app-c': 1 }, { name: 'inner', service: 'app-b' })],
    steps: [spread({ 'app-b': 1 }), answered(b('/'), 'app-c')],
  },
  {
    id: 'smi-split/two-for-one-root',
    proves:
      'Of two splits of one root the oldest holds and the other is Conflicted; without ages the first by name',
    spec: 'design §9.7',
    manifests: [
      split({ 'app-b': 1 }, { name: 'a-newer', created: '2025-01-01T00:00:00Z' }),
      split({ 'app-c': 1 }, { name: 'z-older', created: '2024-01-01T00:00:00Z' }),
    ],
    steps: [
      spread({ 'app-c': 1 }),
      condition('TrafficSplit mesh/a-newer', { Accepted: 'False Conflicted' }),
      apply(split({ 'app-c': 1 }, { name: 'z' }), split({ 'app-b': 1 }, { name: 'a' })),
      spread({ 'app-b': 1 }),
    ],
  },
  {
    id: 'smi-split/grants-no-access',
    proves:
      'A split grants no access: a backend that refuses the caller has to be opened by a target of its own',
    spec: 'TrafficSplit, access; smi.md §1.4',
    denyByDefault: true,
    manifests: [portRoute('all', []), target({ rules: [tcpRules('all')] }), split({ 'app-c': 1 })],
    steps: [
      blocked({ to: 'app-svc:9091' }),
      apply(
        portRoute('all', []),
        target({ rules: [tcpRules('all')] }),
        target({ name: 'second', destination: 'service-c', rules: [tcpRules('all')] }),
        split({ 'app-c': 1 }),
      ),
      answered({ to: 'app-svc:9091' }, 'app-c'),
    ],
  },
  {
    id: 'smi-split/host-unchanged',
    proves: 'The Host header is what the caller sent',
    spec: 'design §9.7; smi.md §2 Q17',
    manifests: [split({ 'app-c': 1 })],
    steps: [answered({}, 'app-c', { authority: 'app-svc' })],
  },
  {
    id: 'smi-split/tcp',
    proves: 'Where a port carries no HTTP, connections are split',
    spec: 'design §9.7',
    manifests: [split({ 'app-c': 1, 'app-b': 0 })],
    steps: [1, 2, 3, 4].map((): Step => ({ kind: 'tcp', to: 'app-svc:9090', by: 'mesh/app-c' })),
  },
  {
    id: 'smi-split/weights-that-are-none',
    proves: 'Negative and fractional weights are refused; a whole number written as 2.0 is taken',
    spec: 'design §9.9',
    steps: [
      faulty(split({ 'app-b': -1, 'app-c': 1 })),
      faulty(split({ 'app-b': 0.5, 'app-c': 1 })),
      apply(split({ 'app-b': 2.0 })),
      spread({ 'app-b': 1 }),
    ],
  },
  {
    id: 'smi-split/quantities',
    proves: 'v1alpha1 says weights as quantities: 1 and 500m are two thirds and one third',
    spec: 'TrafficSplit v1alpha1; smi.md §3.6',
    manifests: [
      {
        ...split({}),
        apiVersion: 'split.smi-spec.io/v1alpha1',
        spec: {
          service: 'app-svc',
          backends: [
            { service: 'app-b', weight: '1' },
            { service: 'app-c', weight: '500m' },
          ],
        },
      },
    ],
    steps: [spread({ 'app-b': 2 / 3, 'app-c': 1 / 3 }, 400)],
  },
]
