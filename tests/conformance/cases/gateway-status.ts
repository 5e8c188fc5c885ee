import type { CaseGroup } from '../lib/case.ts'
import { exact, filter, named, parent, route, rule, to } from './manifests.ts'
import { answered, condition, faulty } from './steps.ts'

/** What a route says of itself. Only the mesh's own entries are looked at: each object has one writer in a folder. */
export const statusCases: CaseGroup = [
  {
    id: 'status/per-parent',
    proves: 'Each parent has its own conditions; a good one is accepted beside a bad one',
    spec: 'RouteStatus.parents',
    manifests: [
      route({
        parents: [parent('app-b'), parent('nowhere'), parent('app-c', { port: 80 })],
        rules: [rule([], 'app-b')],
      }),
    ],
    steps: [
      condition('HTTPRoute mesh/route', { Accepted: 'True', ResolvedRefs: 'True' }, 0),
      condition('HTTPRoute mesh/route', { Accepted: 'False' }, 1),
      condition('HTTPRoute mesh/route', { Accepted: 'True' }, 2),
    ],
  },
  {
    id: 'status/port-that-is-not-there',
    proves: 'A parent whose port the Service lacks is not accepted',
    spec: 'RouteReasonNoMatchingParent',
    manifests: [route({ parents: [parent('app-b', { port: 81 })], rules: [rule([], 'app-b')] })],
    steps: [condition('HTTPRoute mesh/route', { Accepted: 'False NoMatchingParent' })],
  },
  {
    id: 'status/partially-invalid',
    proves: 'With one rule dropped the route is accepted, PartiallyInvalid, and the rest of it holds',
    spec: 'RouteConditionPartiallyInvalid',
    manifests: [
      route({
        rules: [
          rule([exact('/good')], 'app-b'),
          rule([], 'app-c', {
            filters: [filter('RequestHeaderModifier', { set: [named('Host', 'x')] })],
          }),
        ],
      }),
    ],
    steps: [
      condition('HTTPRoute mesh/route', { Accepted: 'True', PartiallyInvalid: 'True' }),
      answered({ path: '/good' }, 'app-b'),
    ],
  },
  {
    id: 'status/resolved-refs-is-separate',
    proves: 'A route with a backend that is not there is accepted, and says so by ResolvedRefs alone',
    spec: 'RouteConditionResolvedRefs',
    manifests: [route({ rules: [rule([], 'app-b'), rule([exact('/x')], 'nowhere')] })],
    steps: [
      condition('HTTPRoute mesh/route', { Accepted: 'True', ResolvedRefs: 'False BackendNotFound' }),
      answered({}, 'app-b'),
    ],
  },
  {
    id: 'status/last-good-version',
    proves: 'A version of a route that is refused leaves the last good one in force',
    spec: 'Tulle, docs/reference/traffic.md',
    manifests: [route({ rules: [rule([], 'app-b')] })],
    steps: [
      answered({}, 'app-b'),
      faulty(route({ rules: [{ backendRefs: [to('app-c')], filters: [{ type: 'Nonsense' }] }] })),
      answered({}, 'app-b'),
    ],
  },
  {
    id: 'status/hop-by-hop-headers',
    proves: 'Changes to Host and to headers of the connection are not carried out',
    spec: 'HTTPHeaderFilter; RFC 9110 §7.6.1',
    manifests: [
      route({
        rules: [
          rule([], 'app-b', {
            filters: [filter('RequestHeaderModifier', { set: [named('Transfer-Encoding', 'chunked')] })],
          }),
          rule([exact('/good')], 'app-b'),
        ],
      }),
    ],
    steps: [
      condition('HTTPRoute mesh/route', { Accepted: 'True', PartiallyInvalid: 'True' }),
      answered({ path: '/good' }, 'app-b', { received: { 'transfer-encoding': null } }),
    ],
  },
]
