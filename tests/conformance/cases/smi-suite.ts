import type { Case, CaseGroup } from '../lib/case.ts'
import { httpRules, portRoute, routeGroup, split, target, tcpRules } from './manifests.ts'
import { b, blocked, spread } from './smi-steps.ts'
import { answered, apply, condition, refused } from './steps.ts'

/**
 * The 24 steps of the SMI conformance suite, with its names and files put right: a group each, and in it what it does in its order.
 * Steps that only ask whether a kind exists are that the mesh takes its documents.
 */

const access = [portRoute('all', []), target({ rules: [tcpRules('all')] })]
function splitStep(
  id: string,
  proves: string,
  weights: readonly [number, number],
  shares: readonly [number, number],
): Case {
  return {
    id: `smi-suite/split-${id}`,
    proves,
    spec: 'SMI suite, split; smi.md §3.3',
    manifests: [split({ 'app-b': weights[0], 'app-c': weights[1] })],
    steps: [
      condition('TrafficSplit mesh/split', { Accepted: 'True' }),
      spread({ 'app-b': shares[0], 'app-c': shares[1] }),
    ],
  }
}

export const smiSuiteCases: CaseGroup = [
  {
    id: 'smi-suite/access',
    proves:
      'Access 01–07: nobody calls without a target; with one its source does, and the backend sees exactly that; without it nobody again',
    spec: 'SMI suite, access; smi.md §3.3, §3.4',
    denyByDefault: true,
    steps: [
      blocked(b('/echo')),
      apply(...access),
      condition('TrafficTarget mesh/target', { Accepted: 'True', ResolvedRefs: 'True' }),
      answered(b('/echo'), 'app-b', { deliveries: { 'mesh/app-b': 1 } }),
      apply(),
      blocked(b('/echo')),
    ],
  },
  {
    id: 'smi-suite/spec-path',
    proves: 'Specs 01–04: of two paths the one of the group is let through, the other is refused',
    spec: 'SMI suite, specs; smi.md §3.3, §3.4',
    denyByDefault: true,
    manifests: [
      routeGroup('routes', [{ name: 'metrics', pathRegex: '/metrics', methods: ['*'] }]),
      target({ rules: [httpRules('routes', ['metrics'])] }),
    ],
    steps: [
      condition('HTTPRouteGroup mesh/routes', { Accepted: 'True' }),
      answered(b('/metrics'), 'app-b'),
      refused(b('/echo'), 403, { deliveries: { 'mesh/app-b': 0 } }),
    ],
  },
  {
    id: 'smi-suite/spec-method',
    proves: 'Specs 05–06: of two methods the one of the group is let through, the other is refused',
    spec: 'SMI suite, specs; smi.md §3.3',
    denyByDefault: true,
    manifests: [
      routeGroup('routes', [{ name: 'gets', pathRegex: '.*', methods: ['GET'] }]),
      target({ rules: [httpRules('routes', ['gets'])] }),
    ],
    steps: [
      answered(b('/echo'), 'app-b'),
      refused(b('/echo', { method: 'POST' }), 403, { deliveries: { 'mesh/app-b': 0 } }),
    ],
  },
  {
    id: 'smi-suite/split-default',
    proves: 'Split 01–03: without a split both backends of the Service answer',
    spec: 'SMI suite, split; smi.md §3.3',
    steps: [
      {
        kind: 'share',
        ask: { to: 'app-svc:9091' },
        atLeast: 60,
        // Where nothing speaks HTTP, a connection's requests go where the connection went.
        connections: 40,
        shares: { '200 mesh/app-b': 'some', '200 mesh/app-c': 'some' },
      },
    ],
  },
  splitStep('only-b', 'Split 04–05: weights 1 and 0 send all to B', [1, 0], [1, 0]),
  splitStep('only-c', 'Split 06–07: weights 0 and 1 send all to C', [0, 1], [0, 1]),
  splitStep(
    'b-more',
    'Split 08–09: weights 75 and 25 are 75 and 25 of 100, not only more',
    [75, 25],
    [0.75, 0.25],
  ),
  splitStep(
    'c-more',
    'Split 10–11: weights 25 and 75 are 25 and 75 of 100, not only more',
    [25, 75],
    [0.25, 0.75],
  ),
]
