import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import {
  areTrailers,
  checkRequest,
  checkResponse,
  isSendable,
  lengthUnknown,
  malformed,
} from './header-rules.ts'

const get = [':method', 'GET', ':scheme', 'http', ':path', '/']
const connect = [':method', 'CONNECT', ':authority', '10.0.0.1:80']

const requests: readonly (readonly [what: string, headers: readonly string[], expected: number])[] = [
  ['a plain request', get, lengthUnknown],
  ['a request with an authority', [':authority', 'a', ...get], lengthUnknown],
  ['a content length', [...get, 'content-length', '12'], 12],
  ['equal content lengths', [...get, 'content-length', '12', 'content-length', '12'], 12],
  ['different content lengths', [...get, 'content-length', '12', 'content-length', '13'], malformed],
  ['a content length with a sign', [...get, 'content-length', '+5'], malformed],
  ['a content length list', [...get, 'content-length', '5,5'], malformed],
  ['a huge content length', [...get, 'content-length', '9'.repeat(20)], malformed],
  ['OPTIONS *', [':method', 'OPTIONS', ':scheme', 'http', ':path', '*'], lengthUnknown],
  ['GET *', [':method', 'GET', ':scheme', 'http', ':path', '*'], malformed],
  ['an empty path', [':method', 'GET', ':scheme', 'http', ':path', ''], malformed],
  ['no method', [':scheme', 'http', ':path', '/'], malformed],
  ['no scheme', [':method', 'GET', ':path', '/'], malformed],
  ['no path', [':method', 'GET', ':scheme', 'http'], malformed],
  ['two methods', [...get, ':method', 'GET'], malformed],
  ['an unknown pseudo-header', [':nope', 'x', ...get], malformed],
  ['a status in a request', [...get, ':status', '200'], malformed],
  [
    'case 21: a pseudo-header behind a field',
    [':method', 'GET', ':scheme', 'http', 'a', 'b', ':path', '/'],
    malformed,
  ],
  ['case 21: connection', [...get, 'connection', 'close'], malformed],
  ['case 21: transfer-encoding', [...get, 'transfer-encoding', 'chunked'], malformed],
  ['case 21: upgrade', [...get, 'upgrade', 'websocket'], malformed],
  ['case 21: keep-alive', [...get, 'keep-alive', '1'], malformed],
  ['case 21: proxy-connection', [...get, 'proxy-connection', 'x'], malformed],
  ['case 21: CR LF in a value', [...get, 'a', 'b\r\nc: d'], malformed],
  ['case 21: LF alone', [...get, 'a', 'b\nc'], malformed],
  ['case 21: NUL in a value', [...get, 'a', 'b\0'], malformed],
  ['case 21: another control character in a value', [...get, 'a', 'b\u0001c'], malformed],
  ['case 21: DEL in a value', [...get, 'a', 'b\u007fc'], malformed],
  ['a tab within a value', [...get, 'a', 'b\tc'], lengthUnknown],
  [
    'case 21: CR LF in a pseudo-header',
    [':method', 'GET\r\nx: y', ':scheme', 'http', ':path', '/'],
    malformed,
  ],
  ['a blank before a value', [...get, 'a', ' b'], malformed],
  ['a tab behind a value', [...get, 'a', 'b\t'], malformed],
  ['upper case in a name', [...get, 'Accept', 'x'], malformed],
  ['a colon in a name', [...get, 'a:b', 'x'], malformed],
  ['a blank in a name', [...get, 'a b', 'x'], malformed],
  ['an empty name', [...get, '', 'x'], malformed],
  ['te: trailers', [...get, 'te', 'trailers'], lengthUnknown],
  ['te: gzip', [...get, 'te', 'gzip'], malformed],
  ['octets above ASCII in a value', [...get, 'a', '\u00e9'], lengthUnknown],
  ['case 22: CONNECT', connect, lengthUnknown],
  ['case 22: CONNECT with a path', [...connect, ':path', '/'], malformed],
  ['case 22: CONNECT with a scheme', [...connect, ':scheme', 'http'], malformed],
  ['case 22: CONNECT without authority', [':method', 'CONNECT'], malformed],
  [
    'extended CONNECT that was not offered',
    [...get.with(1, 'CONNECT'), ':authority', 'a', ':protocol', 'websocket'],
    malformed,
  ],
]

for (const [what, headers, expected] of requests) {
  test(`checkRequest: ${what}`, () => equal(checkRequest(headers, false), expected))
}

test('checkRequest takes extended CONNECT where it was offered (RFC 8441 §4)', () => {
  const headers = [...get.with(1, 'CONNECT'), ':authority', 'a', ':protocol', 'websocket']
  equal(checkRequest(headers, true), lengthUnknown)
  equal(checkRequest([...get, ':protocol', 'websocket'], true), malformed)
})

test('checkResponse wants a three-digit status and no other pseudo-header', () => {
  equal(checkResponse([':status', '200', 'content-length', '3']), 3)
  equal(checkResponse([':status', '99']), malformed)
  equal(checkResponse([':status', 'abc']), malformed)
  equal(checkResponse([':status', '200', ':path', '/']), malformed)
  equal(checkResponse(['a', 'b']), malformed)
})

test('areTrailers refuses pseudo-headers', () => {
  equal(areTrailers(['grpc-status', '0']), true)
  equal(areTrailers([':status', '200']), false)
})

test('isSendable refuses characters that would be cut to CR or LF on the wire', () => {
  equal(isSendable([':status', '200', 'a', '\u010d\u010ax: y']), false)
  equal(isSendable([':status', '200', 'a', 'b\r\nc']), false)
  equal(isSendable([':status', '200', 'a']), false)
  equal(isSendable([':status', '200', 'a', 'b']), true)
})
