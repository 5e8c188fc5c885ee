import type { Ask, CaseGroup } from '../lib/case.ts'
import { filter, named, route, to } from './manifests.ts'
import { again, answered, condition, refused } from './steps.ts'

const spec = 'GRPCRoute'
const grpc = (path: string, more: Ask = {}): Ask => ({ protocol: 'grpc', to: 'app-svc:7070', path, ...more })
const method = (service: string | undefined, name?: string, type: string = 'Exact'): object => ({
  method: {
    type,
    ...(service === undefined ? {} : { service }),
    ...(name === undefined ? {} : { method: name }),
  },
})
const rule = (matches: readonly object[], backend: string, more: object = {}): object => ({
  ...(matches.length === 0 ? {} : { matches }),
  backendRefs: [to(backend, { port: 7070 })],
  ...more,
})
const ok = { trailers: { 'grpc-status': '0' } }

/** gRPC, told by the kind of the route and by the bytes: no port says it by appProtocol. */
export const grpcCases: CaseGroup = [
  {
    id: 'grpc/methods',
    proves: 'A call goes by service and method, each exact; a service alone is all of its methods',
    spec: `${spec}Match.method`,
    manifests: [
      route({
        kind: 'GRPCRoute',
        rules: [
          rule([method('pkg.One', 'Do')], 'app-b'),
          rule([method('pkg.Two')], 'app-c'),
          rule([method(undefined, 'Any')], 'app-b'),
        ],
      }),
    ],
    steps: [
      answered(grpc('/pkg.One/Do'), 'app-b', ok),
      answered(grpc('/pkg.Two/Do'), 'app-c', ok),
      answered(grpc('/pkg.Other/Any'), 'app-b', ok),
      answered(grpc('/pkg.Two/Any'), 'app-c', ok),
    ],
  },
  {
    id: 'grpc/no-rule',
    proves: 'A call that no rule covers is refused as gRPC: UNIMPLEMENTED, or 404',
    spec: `${spec}; gRPC HTTP status mapping`,
    manifests: [route({ kind: 'GRPCRoute', rules: [rule([method('pkg.One', 'Do')], 'app-b')] })],
    steps: [
      refused(grpc('/pkg.One/Else'), [200, 404], { trailers: { 'grpc-status': ['12', '5'] } }),
      refused(grpc('/pkg.on/Do'), [200, 404], { trailers: { 'grpc-status': ['12', '5'] } }),
    ],
  },
  {
    id: 'grpc/regular-expression',
    proves: 'Regular expressions match a service or a method in full',
    spec: `${spec}Match.method RegularExpression`,
    manifests: [
      route({
        kind: 'GRPCRoute',
        rules: [rule([method('pkg\\.[A-Z]+', 'Get.*', 'RegularExpression')], 'app-b'), rule([], 'app-c')],
      }),
    ],
    steps: [
      answered(grpc('/pkg.ONE/GetIt'), 'app-b', ok),
      answered(grpc('/pkg.One/GetIt'), 'app-c', ok),
      answered(grpc('/pkg.ONE/xGet'), 'app-c', ok),
    ],
  },
  {
    id: 'grpc/precedence',
    proves: 'The longest service goes first, then the longest method, then most headers',
    spec: `${spec}Match, precedence`,
    manifests: [
      route({
        kind: 'GRPCRoute',
        rules: [
          rule([method(undefined, 'Do')], 'app-b'),
          rule([method('pkg.One')], 'app-c'),
          rule([method('pkg.One', 'Deep')], 'app-b'),
          rule([{ ...method('pkg.One'), headers: [named('x', '1')] }], 'app-b'),
        ],
      }),
    ],
    steps: [
      answered(grpc('/pkg.One/Do'), 'app-c', ok),
      answered(grpc('/pkg.Other/Do'), 'app-b', ok),
      answered(grpc('/pkg.One/Deep'), 'app-b', ok),
      answered(grpc('/pkg.One/Do', { headers: { x: '1' } }), 'app-b', ok),
    ],
  },
  {
    id: 'grpc/weights',
    proves:
      'Calls on one connection are spread by weight; a third backend that does not exist and has weight 0 takes none',
    spec: `${spec}; MeshGRPCRouteWeight`,
    manifests: [
      route({
        kind: 'GRPCRoute',
        rules: [
          {
            backendRefs: [
              to('app-b', { port: 7070, weight: 70 }),
              to('app-c', { port: 7070, weight: 30 }),
              to('app-v3', { port: 7070, weight: 0 }),
            ],
          },
        ],
      }),
    ],
    steps: [
      {
        kind: 'share',
        ask: grpc('/pkg.One/Do'),
        atLeast: 500,
        connections: 2,
        shares: { '200 mesh/app-b': 0.7, '200 mesh/app-c': 0.3 },
      },
    ],
  },
  {
    id: 'grpc/filters',
    proves: 'Header filters act on calls and their answers; messages and trailers pass untouched',
    spec: `${spec}Filter`,
    manifests: [
      route({
        kind: 'GRPCRoute',
        rules: [
          rule([], 'app-b', {
            filters: [
              filter('RequestHeaderModifier', { set: [named('x-in', '1')] }),
              filter('ResponseHeaderModifier', { set: [named('x-out', '2')] }),
            ],
          }),
        ],
      }),
    ],
    steps: [
      answered(grpc('/pkg.One/Do', { body: 'message', headers: { 'grpc-timeout': '5S' } }), 'app-b', {
        ...ok,
        body: 'message',
        received: {
          'x-in': '1',
          te: 'trailers',
          'content-type': 'application/grpc',
          'grpc-timeout': ['5S', '5000m', '4999m', '4998m'],
        },
        headers: { 'x-out': '2', 'content-type': 'application/grpc' },
      }),
      answered(grpc('/pkg.One/Do', { backend: { statuses: [5] } }), 'app-b', {
        trailers: { 'grpc-status': '5' },
      }),
    ],
  },
  {
    id: 'grpc/missing-backend',
    proves: 'A call whose backend does not exist is answered with an error of gRPC',
    spec: `${spec}Rule.backendRefs`,
    manifests: [route({ kind: 'GRPCRoute', rules: [rule([], 'nowhere')] })],
    steps: [
      refused(grpc('/pkg.One/Do'), [200, 500], { trailers: { 'grpc-status': ['14', '13', '2'] } }),
      condition('GRPCRoute mesh/route', { ResolvedRefs: 'False BackendNotFound' }),
    ],
  },
  {
    id: 'grpc/through-http-route',
    proves: 'gRPC passes through an HTTPRoute as what it is: HTTP/2 to the backend, with trailers',
    spec: 'HTTPRoute, gRPC',
    manifests: [route({ rules: [{ backendRefs: [to('app-b', { port: 7070 })] }] })],
    steps: [
      again(answered(grpc('/pkg.One/Do', { to: 'app-svc:7070' }), 'app-b', { ...ok, version: '2.0' }), 2),
    ],
  },
]
