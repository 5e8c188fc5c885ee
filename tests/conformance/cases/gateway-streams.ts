import type { CaseGroup } from '../lib/case.ts'
import { parent, route, service, to } from './manifests.ts'
import { answered, both, closed, condition, greeted, refused } from './steps.ts'

const tcpTo = (name: string, more: object = {}): object => to(name, { port: 9090, ...more })
const onTcp = [parent('app-svc', { port: 9090 })]
const onTls = [parent('app-svc', { port: 8443 })]

/** Connections whose bytes are not HTTP. */
export const streamCases: CaseGroup = [
  {
    id: 'tcp/route',
    proves:
      'A TCPRoute takes the connections of its port to its backend, and no others; the server may speak first',
    spec: 'TCPRoute; GEP-1294',
    manifests: [route({ kind: 'TCPRoute', parents: onTcp, rules: [{ backendRefs: [tcpTo('app-c')] }] })],
    steps: [
      ...[1, 2, 3, 4].map(() => greeted('app-svc:9090', 'app-c')),
      greeted('app-svc:8300', both),
      answered({}, both),
    ],
  },
  {
    id: 'tcp/weight-zero',
    proves: 'A backend of weight 0 gets no connection',
    spec: 'TCPRoute backendRefs.weight',
    manifests: [
      route({
        kind: 'TCPRoute',
        parents: onTcp,
        rules: [{ backendRefs: [tcpTo('app-b', { weight: 0 }), tcpTo('app-c')] }],
      }),
    ],
    steps: [1, 2, 3, 4, 5, 6].map(() => greeted('app-svc:9090', 'app-c')),
  },
  {
    id: 'tcp/missing-backend',
    proves: 'The connections of a backend that does not exist are closed',
    spec: 'TCPRoute backendRefs',
    manifests: [route({ kind: 'TCPRoute', parents: onTcp, rules: [{ backendRefs: [tcpTo('nowhere')] }] })],
    steps: [
      closed('app-svc:9090'),
      condition('TCPRoute mesh/route', { Accepted: 'True', ResolvedRefs: 'False BackendNotFound' }),
    ],
  },
  {
    id: 'tls/by-server-name',
    proves:
      'A TLSRoute takes connections by the name that the client asks for: whole names before wildcards, others closed',
    spec: 'TLSRoute v1; GEP-2643',
    manifests: [
      route({
        kind: 'TLSRoute',
        name: 'whole',
        parents: onTls,
        hostnames: ['a.shop.example'],
        rules: [{ backendRefs: [tcpTo('app-b')] }],
      }),
      route({
        kind: 'TLSRoute',
        name: 'wild',
        parents: onTls,
        hostnames: ['*.shop.example'],
        rules: [{ backendRefs: [tcpTo('app-c')] }],
      }),
    ],
    steps: [
      { kind: 'tcp', to: 'app-svc:8443', serverName: 'a.shop.example', by: 'mesh/app-b' },
      { kind: 'tcp', to: 'app-svc:8443', serverName: 'b.shop.example', by: 'mesh/app-c' },
      { kind: 'tcp', to: 'app-svc:8443', serverName: 'x.y.shop.example', by: 'mesh/app-c' },
      { kind: 'tcp', to: 'app-svc:8443', serverName: 'shop.example', by: null },
      { kind: 'tcp', to: 'app-svc:8443', serverName: 'elsewhere.example', by: null },
    ],
  },
  {
    id: 'kinds/grpc-before-http',
    proves:
      'Of a GRPCRoute and an HTTPRoute on one port only the GRPCRoute is heard, and the other is Conflicted',
    spec: 'GEP-1294, route types',
    manifests: [
      route({
        kind: 'GRPCRoute',
        name: 'grpc',
        rules: [
          { matches: [{ method: { service: 'pkg.One' } }], backendRefs: [to('app-b', { port: 7070 })] },
        ],
      }),
      route({ name: 'http', rules: [{ backendRefs: [to('app-c')] }] }),
    ],
    steps: [
      condition('GRPCRoute mesh/grpc', { Accepted: 'True' }),
      condition('HTTPRoute mesh/http', { Accepted: 'False Conflicted' }),
      answered({ protocol: 'grpc', to: 'app-svc:7070', path: '/pkg.One/Do' }, 'app-b'),
      refused({ path: '/' }, 404),
    ],
  },
  {
    id: 'kinds/http-before-tls-and-tcp',
    proves: 'HTTPRoute goes before TLSRoute, and TLSRoute before TCPRoute; who loses is Conflicted',
    spec: 'GEP-1294, route types',
    manifests: [
      service('any', { selector: { app: 'app-b' }, ports: [{ name: 'any', port: 7000, targetPort: 8080 }] }),
      route({ name: 'http', parents: [parent('any')], rules: [{ backendRefs: [to('app-c')] }] }),
      route({
        kind: 'TCPRoute',
        name: 'tcp',
        parents: [parent('any')],
        rules: [{ backendRefs: [tcpTo('app-b')] }],
      }),
      route({
        kind: 'TLSRoute',
        name: 'tls',
        parents: onTls,
        hostnames: ['a.example'],
        rules: [{ backendRefs: [tcpTo('app-b')] }],
      }),
      route({
        kind: 'TCPRoute',
        name: 'tcp-of-tls',
        parents: onTls,
        rules: [{ backendRefs: [tcpTo('app-c')] }],
      }),
    ],
    steps: [
      condition('HTTPRoute mesh/http', { Accepted: 'True' }),
      condition('TCPRoute mesh/tcp', { Accepted: 'False Conflicted' }),
      condition('TLSRoute mesh/tls', { Accepted: 'True' }),
      condition('TCPRoute mesh/tcp-of-tls', { Accepted: 'False Conflicted' }),
      answered({ to: 'any.mesh:7000' }, 'app-c'),
    ],
  },
  {
    id: 'kinds/other-ports',
    proves: 'Kinds on different ports of one Service do not meet',
    spec: 'GEP-1294, route types',
    manifests: [
      route({
        name: 'http',
        parents: [parent('app-svc', { port: 80 })],
        rules: [{ backendRefs: [to('app-b')] }],
      }),
      route({ kind: 'TCPRoute', name: 'tcp', parents: onTcp, rules: [{ backendRefs: [tcpTo('app-c')] }] }),
    ],
    steps: [
      condition('HTTPRoute mesh/http', { Accepted: 'True', Conflicted: 'False' }),
      condition('TCPRoute mesh/tcp', { Accepted: 'True', Conflicted: 'False' }),
      answered({}, 'app-b'),
      greeted('app-svc:9090', 'app-c'),
    ],
  },
  {
    id: 'udp/route',
    proves: 'A UDPRoute takes the datagrams of its port to its backend',
    spec: 'UDPRoute v1',
    manifests: [
      service('udp', { selector: { group: 'svc' }, ports: [{ name: 'udp', port: 8300, protocol: 'UDP' }] }),
      route({
        kind: 'UDPRoute',
        parents: [parent('udp')],
        rules: [{ backendRefs: [to('app-b', { port: 8300 })] }],
      }),
    ],
    steps: [
      condition('UDPRoute mesh/route', { Accepted: 'True' }),
      { kind: 'udp', to: 'udp.mesh:8300', answered: true },
    ],
  },
]
