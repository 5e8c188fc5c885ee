import type { CaseGroup, Step } from '../lib/case.ts'
import { httpRules, portRoute, routeGroup, target, tcpRules } from './manifests.ts'
import { b, blocked } from './smi-steps.ts'
import { answered, apply, closed, condition, faulty, refused } from './steps.ts'

const ports = [portRoute('tcp', [8301, 8302, 8300]), portRoute('udp', [8301, 8302], 'UDPRoute')]

/** The strict list: what the text says of access and the suite does not ask. */
export const smiAccessCases: CaseGroup = [
  {
    id: 'smi-access/port-table',
    proves: 'The L4 example of the text: TCP is open on the ports of its TCPRoute and closed on all others',
    spec: 'TrafficTarget, L4 example; smi.md §3.6',
    denyByDefault: true,
    manifests: [...ports, target({ rules: [tcpRules('tcp'), { kind: 'UDPRoute', name: 'udp' }] })],
    steps: [
      ...[8300, 8301, 8302].map((port): Step => ({ kind: 'tcp', to: `app-b:${port}`, by: 'mesh/app-b' })),
      closed('app-b:9090'),
      blocked(b('/')),
      closed('app-b:8300', 'mesh/app-c'),
    ],
  },
  {
    id: 'smi-access/udp-table',
    proves: 'The L4 example of the text: UDP is open on 8301 and 8302 and closed on 8300',
    spec: 'TrafficTarget, L4 example; smi.md §3.6',
    denyByDefault: true,
    manifests: [...ports, target({ rules: [tcpRules('tcp'), { kind: 'UDPRoute', name: 'udp' }] })],
    steps: [
      { kind: 'udp', to: 'address of mesh/app-b:8301', answered: true },
      { kind: 'udp', to: 'address of mesh/app-b:8302', answered: true },
      { kind: 'udp', to: 'address of mesh/app-b:8300', answered: false },
    ],
  },
  {
    id: 'smi-access/udp-opens-no-tcp',
    proves: 'A UDPRoute rule opens no TCP',
    spec: 'design §9.1',
    denyByDefault: true,
    manifests: [...ports, target({ rules: [{ kind: 'UDPRoute', name: 'udp' }] })],
    steps: [closed('app-b:8301'), closed('app-b:8302')],
  },
  {
    id: 'smi-access/truth-table',
    proves:
      'The L7 example of the text: port AND match within a target, OR across targets, for every row of its table',
    spec: 'TrafficTarget, L7 example; smi.md §1.1',
    manifests: [
      portRoute('port', [9091]),
      routeGroup('api-routes', [
        { name: 'api', pathRegex: '/api', methods: ['*'] },
        { name: 'metrics', pathRegex: '/metrics', methods: ['GET'] },
      ]),
      target({ name: 'api', rules: [tcpRules('port'), httpRules('api-routes', ['api'])] }),
      target({
        name: 'metrics',
        sources: ['service-c'],
        rules: [tcpRules('port'), httpRules('api-routes', ['metrics'])],
      }),
    ],
    steps: [
      answered(b('/api'), 'app-b'),
      answered(b('/api', { method: 'DELETE' }), 'app-b'),
      answered(b('/metrics', { from: 'mesh/app-c' }), 'app-b'),
      refused(b('/metrics'), 403),
      refused(b('/metrics', { from: 'mesh/app-c', method: 'POST' }), 403),
      refused(b('/api', { from: 'mesh/app-c' }), 403),
      refused(b('/api', { from: 'consumer/app-d', to: 'app-b.mesh:9091' }), 403),
      refused(b('/api', { to: 'app-b:8080' }), 403),
      closed('app-b:9090'),
    ],
  },
  {
    id: 'smi-access/no-matches-means-all',
    proves: 'A rule without matches means every match of its group, joined with OR',
    spec: 'TrafficTarget rules[].matches; design §9.2',
    manifests: [
      routeGroup('routes', [
        { name: 'a', pathRegex: '/a' },
        { name: 'b', pathRegex: '/b' },
      ]),
      target({ rules: [httpRules('routes')] }),
    ],
    steps: [answered(b('/a'), 'app-b'), answered(b('/b'), 'app-b'), refused(b('/c'), 403)],
  },
  {
    id: 'smi-access/unknown-match',
    proves: 'A match, group or route that does not exist covers nothing, and ResolvedRefs is False',
    spec: 'design §9.2',
    manifests: [
      routeGroup('routes', [{ name: 'a', pathRegex: '/a' }]),
      target({ rules: [httpRules('routes', ['nowhere'])] }),
      target({ name: 'second', destination: 'service-c', rules: [httpRules('no-group')] }),
      target({ name: 'third', destination: 'service-c', rules: [tcpRules('no-route')] }),
    ],
    steps: [
      blocked(b('/a')),
      condition('TrafficTarget mesh/target', { ResolvedRefs: 'False' }),
      condition('TrafficTarget mesh/second', { ResolvedRefs: 'False' }),
      condition('TrafficTarget mesh/third', { ResolvedRefs: 'False' }),
      blocked({ to: 'app-c:9091' }),
    ],
  },
  {
    id: 'smi-access/headers',
    proves:
      'Headers of one match are AND, matches are OR; names have no case, expressions match in full; a list of maps means the same',
    spec: 'HTTPRouteGroup headers; smi.md §1.2',
    manifests: [
      routeGroup('as-map', [
        { name: 'both', pathRegex: '/', headers: { 'X-One': '1', 'x-two': '2.*' } },
        { name: 'either', headers: { 'x-either': 'yes' } },
      ]),
      routeGroup('as-list', [
        { name: 'both', pathRegex: '/list', headers: [{ 'x-one': '1' }, { 'x-two': '2' }] },
      ]),
      target({ name: 'map', rules: [httpRules('as-map')] }),
      target({ name: 'list', destination: 'service-c', rules: [httpRules('as-list')] }),
    ],
    steps: [
      answered(b('/', { headers: { 'x-ONE': '1', 'x-two': '22' } }), 'app-b'),
      refused(b('/', { headers: { 'x-one': '1' } }), 403),
      refused(b('/', { headers: { 'x-one': '11', 'x-two': '2' } }), 403),
      answered(b('/', { headers: { 'x-either': 'yes' } }), 'app-b'),
      refused(b('/', { headers: { 'x-either': 'yes indeed' } }), 403),
      refused(b('/', { headers: { 'x-either': ['yes', 'no'] } }), 403),
      answered({ to: 'app-c:9091', path: '/list', headers: { 'x-one': '1', 'x-two': '2' } }, 'app-c'),
      refused({ to: 'app-c:9091', path: '/list', headers: { 'x-two': '2' } }, 403),
    ],
  },
  {
    id: 'smi-access/path-anchoring',
    proves:
      'pathRegex is anchored at its start and open at its end, against the normal form without the query',
    spec: 'HTTPRouteGroup pathRegex; design §9.5, §9.8',
    manifests: [
      routeGroup('routes', [
        { name: 'api', pathRegex: '/api' },
        { name: 'exact', pathRegex: '/exact$' },
      ]),
      target({ rules: [httpRules('routes')] }),
    ],
    steps: [
      answered(b('/api'), 'app-b'),
      answered(b('/apix'), 'app-b'),
      answered(b('/api/x?y=/z'), 'app-b', { target: '/api/x?y=/z' }),
      refused(b('/x/api'), 403),
      refused(b('/x?q=/api'), 403),
      answered(b('/exact?q=1'), 'app-b'),
      refused(b('/exactly'), 403),
      refused(b('/api/../secret'), 403),
      refused(b('/api/%2e%2e/secret'), 403),
      refused(b('/api/..%2fsecret'), 400),
      answered(b('/secret/../api'), 'app-b', { target: '/api' }),
    ],
  },
  {
    id: 'smi-access/methods',
    proves: 'Methods are those of the list; * and no list mean any',
    spec: 'HTTPRouteGroup methods',
    manifests: [
      routeGroup('routes', [
        { name: 'some', pathRegex: '/some', methods: ['GET', 'PUT'] },
        { name: 'star', pathRegex: '/star', methods: ['*'] },
        { name: 'none', pathRegex: '/none' },
      ]),
      target({ rules: [httpRules('routes')] }),
    ],
    steps: [
      answered(b('/some'), 'app-b'),
      answered(b('/some', { method: 'PUT' }), 'app-b'),
      refused(b('/some', { method: 'HEAD' }), 403),
      answered(b('/star', { method: 'PATCH' }), 'app-b'),
      answered(b('/none', { method: 'DELETE' }), 'app-b'),
    ],
  },
  {
    id: 'smi-access/grpc',
    proves: 'A refused call of gRPC gets PERMISSION_DENIED',
    spec: 'design §9.4',
    manifests: [
      routeGroup('routes', [{ name: 'say', pathRegex: '/pkg.Echo/Say$' }]),
      target({ rules: [httpRules('routes')] }),
    ],
    steps: [
      answered({ to: 'app-b:7070', protocol: 'grpc', path: '/pkg.Echo/Say' }, 'app-b', {
        trailers: { 'grpc-status': '0' },
      }),
      refused({ to: 'app-b:7070', protocol: 'grpc', path: '/pkg.Echo/Other' }, 200, {
        trailers: { 'grpc-status': '7' },
      }),
    ],
  },
  {
    id: 'smi-access/namespace-of-the-target',
    proves: 'A target outside of the namespace of its destination is not accepted and opens nothing',
    spec: 'design §9.3',
    denyByDefault: true,
    manifests: [
      { ...portRoute('all', []), metadata: { name: 'all', namespace: 'consumer' } },
      target({
        namespace: 'consumer',
        destination: 'mesh/service-b',
        sources: ['mesh/service-a'],
        rules: [tcpRules('all')],
      }),
    ],
    steps: [condition('TrafficTarget consumer/target', { Accepted: 'False' }), blocked(b('/'))],
  },
  {
    id: 'smi-access/missing-namespaces',
    proves:
      "Namespaces that are left out are the target's own: an account of the same name elsewhere is not let in",
    spec: 'design §9.3',
    manifests: [
      portRoute('all', []),
      target({ destination: '/service-b', sources: ['/service-a'], rules: [tcpRules('all')] }),
    ],
    steps: [answered(b('/'), 'app-b'), blocked(b('/', { from: 'consumer/app-d', to: 'app-b.mesh:9091' }))],
  },
  {
    id: 'smi-access/foreign-source',
    proves: 'A source of another namespace is let in, and its namesake is not',
    spec: 'TrafficTarget sources',
    manifests: [portRoute('all', []), target({ sources: ['consumer/service-a'], rules: [tcpRules('all')] })],
    steps: [answered(b('/', { from: 'consumer/app-d', to: 'app-b.mesh:9091' }), 'app-b'), blocked(b('/'))],
  },
  {
    id: 'smi-access/targets-add-up',
    proves:
      'Several targets of one destination add up; one with L4 rules alone acts unchanged beside one with HTTP rules',
    spec: 'design §9.1',
    manifests: [
      portRoute('tcp', [9090]),
      routeGroup('routes', [{ name: 'a', pathRegex: '/a' }]),
      target({ name: 'one', rules: [httpRules('routes')] }),
      target({ name: 'two', sources: ['service-c'], rules: [httpRules('routes')] }),
      target({ name: 'three', rules: [tcpRules('tcp')] }),
    ],
    steps: [
      answered(b('/a'), 'app-b'),
      answered(b('/a', { from: 'mesh/app-c' }), 'app-b'),
      refused(b('/b'), 403),
      { kind: 'tcp', to: 'app-b:9090', by: 'mesh/app-b' },
      closed('app-b:9090', 'mesh/app-c'),
    ],
  },
  {
    id: 'smi-access/empty-rules',
    proves: 'A target without rules is refused, and lets nothing through',
    spec: 'smi.md §2 Q8',
    denyByDefault: true,
    steps: [faulty(target({ rules: [] })), blocked(b('/'))],
  },
  {
    id: 'smi-access/no-http-on-tcp',
    proves: 'An HTTP rule opens no port that carries something else',
    spec: 'design §7; smi.md §2 Q19',
    manifests: [
      routeGroup('routes', [{ name: 'all', pathRegex: '.*' }]),
      target({ rules: [httpRules('routes')] }),
    ],
    steps: [closed('app-b:9090'), answered(b('/'), 'app-b')],
  },
  {
    id: 'smi-access/by-address-too',
    proves:
      "Nothing leads around HTTP rules: they hold for calls to the workload's own address, and for HTTP/2",
    spec: 'design §7',
    manifests: [
      routeGroup('routes', [{ name: 'a', pathRegex: '/a' }]),
      target({ rules: [httpRules('routes')] }),
    ],
    steps: [
      answered({ to: 'address of mesh/app-b:9091', path: '/a' }, 'app-b'),
      refused({ to: 'address of mesh/app-b:9091', path: '/b' }, 403),
      refused(b('/b', { protocol: 'http2' }), 403),
      refused(
        b('/b', {
          headers: { 'x-forwarded-client-cert': 'By=x;URI=spiffe://cluster.local/ns/mesh/sa/service-c' },
        }),
        403,
      ),
    ],
  },
  {
    id: 'smi-access/live-connections',
    proves:
      'When a source is taken away its next request on a kept connection is refused, and its open TCP connection is closed',
    spec: 'smi.md §3.6',
    manifests: [
      portRoute('tcp', [9090]),
      routeGroup('routes', [{ name: 'a', pathRegex: '/a' }]),
      target({ name: 'http', rules: [httpRules('routes')] }),
      target({ name: 'tcp', destination: 'service-c', rules: [tcpRules('tcp')] }),
    ],
    steps: [
      answered(b('/a', { connection: 'live' }), 'app-b'),
      { kind: 'tcp', to: 'app-c:9090', by: 'mesh/app-c', keepAs: 'live' },
      { kind: 'kept', id: 'live', alive: true },
      apply(
        portRoute('tcp', [9090]),
        routeGroup('routes', [{ name: 'a', pathRegex: '/a' }]),
        target({ name: 'http', sources: ['service-c'], rules: [httpRules('routes')] }),
        target({ name: 'tcp', destination: 'service-c', sources: ['service-b'], rules: [tcpRules('tcp')] }),
      ),
      refused(b('/a', { connection: 'live' }), 403),
      { kind: 'kept', id: 'live', alive: false },
    ],
  },
]
