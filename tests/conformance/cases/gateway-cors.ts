import type { Case, CaseGroup, RequestStep } from '../lib/case.ts'
import { filter, route, rule } from './manifests.ts'
import { answered } from './steps.ts'

const spec = 'GEP-1767; HTTPCORSFilter'

function cors(id: string, proves: string, value: object, steps: readonly RequestStep[]): Case {
  return {
    id: `cors/${id}`,
    proves,
    spec,
    manifests: [route({ rules: [rule([], 'app-b', { filters: [filter('CORS', value)] })] })],
    steps,
  }
}

function preflight(
  origin: string,
  headers: Readonly<Record<string, string | null | readonly string[]>>,
  asked: Readonly<Record<string, string>> = {},
): RequestStep {
  return {
    kind: 'request',
    ask: { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT', ...asked } },
    expect: { status: [200, 204], by: null, headers },
  }
}

const allowOrigin = 'access-control-allow-origin'
const nothing = { [allowOrigin]: null, 'access-control-allow-credentials': null }

/** Which pages of other origins may call. */
export const corsCases: CaseGroup = [
  cors(
    'allowed-origin',
    'An allowed origin is answered by name, in the preflight and in the answer; it goes no further than the mesh',
    {
      allowOrigins: ['https://shop.example'],
      allowMethods: ['GET', 'PUT'],
      allowHeaders: ['x-one'],
      exposeHeaders: ['x-out'],
    },
    [
      preflight(
        'https://shop.example',
        {
          [allowOrigin]: 'https://shop.example',
          'access-control-allow-methods': ['GET,PUT', 'GET,HEAD,POST,PUT'],
          'access-control-allow-headers': 'x-one',
          'access-control-max-age': '5',
        },
        { 'access-control-request-headers': 'x-one' },
      ),
      answered({ headers: { origin: 'https://shop.example' } }, 'app-b', {
        headers: { [allowOrigin]: 'https://shop.example', 'access-control-expose-headers': 'x-out' },
      }),
    ],
  ),
  cors(
    'other-origin',
    'An origin that is not allowed gets no CORS headers, or 403',
    { allowOrigins: ['https://shop.example'] },
    [
      {
        kind: 'request',
        ask: {
          method: 'OPTIONS',
          headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' },
        },
        expect: { status: [200, 204, 403], headers: nothing },
      },
      {
        kind: 'request',
        ask: { headers: { origin: 'https://evil.example' } },
        expect: { status: [200, 403], headers: nothing },
      },
      {
        kind: 'request',
        ask: { headers: { origin: 'http://shop.example' } },
        expect: { status: [200, 403], headers: nothing },
      },
      {
        kind: 'request',
        ask: { headers: { origin: 'https://shop.example.evil' } },
        expect: { status: [200, 403], headers: nothing },
      },
    ],
  ),
  cors(
    'wildcard-origin',
    'A wildcard in an origin matches greedily to the left, and nothing behind it',
    { allowOrigins: ['https://*.shop.example'] },
    [
      answered({ headers: { origin: 'https://a.b.shop.example' } }, 'app-b', {
        headers: { [allowOrigin]: 'https://a.b.shop.example' },
      }),
      {
        kind: 'request',
        ask: { headers: { origin: 'https://shop.example' } },
        expect: { status: [200, 403], headers: nothing },
      },
      {
        kind: 'request',
        ask: { headers: { origin: 'https://a.shop.example.evil' } },
        expect: { status: [200, 403], headers: nothing },
      },
    ],
  ),
  cors(
    'any-origin',
    'Any origin may be answered with * or by name where there are no credentials',
    { allowOrigins: ['*'] },
    [
      answered({ headers: { origin: 'https://a.example' } }, 'app-b', {
        headers: { [allowOrigin]: ['*', 'https://a.example'], 'access-control-allow-credentials': null },
      }),
    ],
  ),
  cors(
    'credentials',
    'With credentials * is answered for nothing: origin, methods, headers and exposed headers are named',
    { allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'], allowCredentials: true },
    [
      preflight(
        'https://a.example',
        {
          [allowOrigin]: 'https://a.example',
          'access-control-allow-credentials': 'true',
          'access-control-allow-methods': [
            'PUT',
            'GET,HEAD,POST,PUT,DELETE,CONNECT,OPTIONS,TRACE,PATCH',
            'GET,HEAD,POST,PUT,DELETE,PATCH,OPTIONS',
          ],
          'access-control-allow-headers': 'x-one,x-two',
        },
        { 'access-control-request-headers': 'x-one, x-two' },
      ),
      answered({ headers: { origin: 'https://a.example' } }, 'app-b', {
        headers: { [allowOrigin]: 'https://a.example', 'access-control-allow-credentials': 'true' },
      }),
    ],
  ),
  cors('max-age', 'maxAge is answered to preflights', { allowOrigins: ['https://a.example'], maxAge: 3600 }, [
    preflight('https://a.example', { 'access-control-max-age': '3600' }),
  ]),
  cors(
    'own-answer-goes',
    "The mesh's CORS headers go in the place of the backend's own",
    { allowOrigins: ['https://a.example'] },
    [
      answered(
        { headers: { origin: 'https://a.example' }, backend: { headers: [[allowOrigin, '*']] } },
        'app-b',
        { headers: { [allowOrigin]: 'https://a.example' } },
      ),
    ],
  ),
  cors('no-origin', 'A request without an origin passes untouched', { allowOrigins: ['https://a.example'] }, [
    answered({}, 'app-b', { headers: nothing }),
    answered({ method: 'OPTIONS' }, 'app-b', { method: 'OPTIONS' }),
  ]),
]
