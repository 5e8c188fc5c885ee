import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Explanation } from '@tulle/outputs'
import { createStyle } from '../output/style.ts'
import { requestText, waypointText } from './explain-request.ts'

const style = createStyle(false)
const origin = { file: 'canary.yaml', line: 7, column: 3 }
const waypoint = {
  name: 'shop/tulle-waypoint',
  used: true,
  why: 'routes of Service shop/books are read by it',
}
const request: NonNullable<Explanation['request']> = {
  method: 'GET',
  host: 'books.shop',
  path: '/v2',
  route: { object: 'HTTPRoute shop/canary', rule: 1, ruleName: 'rest', origin, match: 'path under /v2' },
  filters: ['changes headers of the request: set x-seen: 1'],
  limits: ['one attempt has 1000 ms'],
  backends: [
    { target: 'Service shop/books-v1 port 80', sharePercent: 90, filters: ['adds x'], allowed: true },
    {
      target: 'Service shop/books-v2 port 80',
      sharePercent: 9.5,
      filters: [],
      tls: 'begins TLS',
      allowed: false,
    },
    {
      target: 'none (BackendNotFound)',
      sharePercent: 0.5,
      filters: [],
      allowed: false,
      answer: { status: 500, why: 'BackendNotFound' },
    },
  ],
  misses: [
    {
      object: 'HTTPRoute shop/canary',
      rule: 0,
      match: 'path under /v2, method PUT',
      why: ['it wants method PUT, and the method is GET'],
    },
  ],
}

// What these read of an explanation, which has much more.
function explanation(more: Partial<Explanation>): Explanation {
  return more as Explanation
}

test('requestText() tells the way of a request line by line', () => {
  assert.deepEqual(requestText(explanation({ waypoint, request }), style), [
    '',
    'Way of the request',
    '  request     GET /v2, host books.shop',
    '  route       HTTPRoute shop/canary rule 1 (rest): path under /v2 canary.yaml:7:3',
    '  filter      changes headers of the request: set x-seen: 1',
    '  limit       one attempt has 1000 ms',
    '  backend     90 % Service shop/books-v1 port 80',
    '              adds x',
    '  backend     9.5 % Service shop/books-v2 port 80: refused there',
    '              begins TLS',
    '  backend     0.5 % none (BackendNotFound): 500 BackendNotFound',
    '',
    'Nearest routes that do not cover it',
    '  × HTTPRoute shop/canary rule 0: path under /v2, method PUT',
    '      it wants method PUT, and the method is GET',
  ])
})

test('requestText() says what the waypoint answers itself, and where nobody wrote routes', () => {
  const { route: _, ...without } = { ...request, filters: [], limits: [], backends: [], misses: [] }
  const answer = { status: 404, why: 'no rule of the routes covers it' }
  assert.deepEqual(requestText(explanation({ waypoint, request: { ...without, answer } }), style).slice(2), [
    '  request     GET /v2, host books.shop',
    '  route       none',
    '  answer      404 no rule of the routes covers it',
  ])
  assert.deepEqual(requestText(explanation({ request: without }), style).slice(1), [
    'Way of the request, if a waypoint read it',
    '  request     GET /v2, host books.shop',
    '  route       none is written for these callers: it goes to the endpoints of what is called',
  ])
  assert.deepEqual(requestText(explanation({}), style), [])
})

test('waypointText() says through which waypoint a call goes, or why through none', () => {
  assert.deepEqual(waypointText(explanation({}), style), [])
  assert.deepEqual(waypointText(explanation({ waypoint }), style), [
    '  waypoint    shop/tulle-waypoint: routes of Service shop/books are read by it',
  ])
  const unused = { ...waypoint, used: false, why: 'it has no address yet' }
  assert.deepEqual(waypointText(explanation({ waypoint: unused }), style), [
    '  waypoint    not through shop/tulle-waypoint: it has no address yet',
  ])
})
