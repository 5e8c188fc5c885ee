import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'

import { fieldText, ServerBench } from './test-support.ts'

/** How a server reads it: what its handler gets, or why it is refused. */
function reading(head: string, scheme: 'http' | 'https' = 'http'): string {
  const bench = new ServerBench({}, scheme)
  bench.send(head)
  const [refusal] = bench.refused
  if (refusal !== undefined) return `${refusal.status} ${refusal.reason}`
  const [seen] = bench.seen
  if (seen === undefined) return 'more'
  const { method, authority, path, version, protocol, fields } = seen.head
  return [method, authority, path, version, protocol ?? '-', fieldText(fields)].join(' ')
}

interface Case {
  readonly name: string
  readonly lines: readonly string[]
  readonly reading: string
  readonly scheme?: 'https'
}

const host = 'Host: books'

const requestLines: readonly Case[] = [
  {
    name: '§3.2.1 origin form',
    lines: ['GET /a/b?c=d&e HTTP/1.1', host],
    reading: 'GET books /a/b?c=d&e 1.1 - []',
  },
  {
    name: '§3.2.2 absolute form',
    lines: ['GET http://books/a?b HTTP/1.1', host],
    reading: 'GET books /a?b 1.1 - []',
  },
  {
    name: '§3.2.2 absolute form without a path',
    lines: ['GET http://books HTTP/1.1', host],
    reading: 'GET books / 1.1 - []',
  },
  {
    name: '§3.2.2 absolute form with a query alone',
    lines: ['GET http://books?q HTTP/1.1', host],
    reading: 'GET books /?q 1.1 - []',
  },
  {
    name: '§3.2.2 absolute form in upper case',
    lines: ['GET HTTP://BOOKS/ HTTP/1.1', host],
    reading: 'GET books / 1.1 - []',
  },
  {
    name: '§3.2.2 absolute form of another host',
    lines: ['GET http://other/ HTTP/1.1', host],
    reading: '400 Host differs from the request target',
  },
  {
    name: '§3.2.2 absolute form of another port',
    lines: ['GET http://books:81/ HTTP/1.1', host],
    reading: '400 Host differs from the request target',
  },
  {
    name: '§3.2.2 absolute form of another scheme',
    lines: ['GET https://books/ HTTP/1.1', host],
    reading: '400 malformed request target',
  },
  {
    name: '§3.2.2 absolute form over TLS',
    lines: ['GET https://books/ HTTP/1.1', host],
    reading: 'GET books / 1.1 - []',
    scheme: 'https',
  },
  {
    name: '§3.2.2 user information',
    lines: ['GET http://a@books/ HTTP/1.1', host],
    reading: '400 malformed request target',
  },
  {
    name: '§3.2.2 OPTIONS of a whole server through a proxy',
    lines: ['OPTIONS http://books HTTP/1.1', host],
    reading: 'OPTIONS books * 1.1 - []',
  },
  {
    name: '§3.2.3 authority form',
    lines: ['CONNECT db:5432 HTTP/1.1', 'Host: db:5432'],
    reading: 'CONNECT db:5432  1.1 - []',
  },
  {
    name: '§3.2.3 authority form without a port',
    lines: ['CONNECT db HTTP/1.1', 'Host: db'],
    reading: '400 malformed request target',
  },
  {
    name: '§3.2.3 authority form for another method',
    lines: ['GET db:5432 HTTP/1.1', 'Host: db:5432'],
    reading: '400 malformed request target',
  },
  {
    name: '§3.2.3 authority form and another Host',
    lines: ['CONNECT db:5432 HTTP/1.1', 'Host: other:5432'],
    reading: '400 Host differs from the request target',
  },
  {
    name: '§3.2.3 origin form for CONNECT',
    lines: ['CONNECT / HTTP/1.1', host],
    reading: '400 malformed request target',
  },
  { name: '§3.2.4 asterisk form', lines: ['OPTIONS * HTTP/1.1', host], reading: 'OPTIONS books * 1.1 - []' },
  {
    name: '§3.2.4 asterisk form for another method',
    lines: ['GET * HTTP/1.1', host],
    reading: '400 malformed request target',
  },
  {
    name: '§3 a target that is none',
    lines: ['GET a HTTP/1.1', host],
    reading: '400 malformed request target',
  },
  {
    name: '§3 blank in the target',
    lines: ['GET /a b HTTP/1.1', host],
    reading: '400 malformed request line',
  },
  { name: '§3 tab for a blank', lines: ['GET\t/ HTTP/1.1', host], reading: '400 malformed request line' },
  { name: '§3 two blanks', lines: ['GET  / HTTP/1.1', host], reading: '400 malformed request target' },
  { name: '§3 blank at the end', lines: ['GET / HTTP/1.1 ', host], reading: '400 malformed request line' },
  { name: '§3 no version', lines: ['GET /', host], reading: '400 malformed request target' },
  { name: '§3 blank in front', lines: [' GET / HTTP/1.1', host], reading: '400 malformed request line' },
  {
    name: '§3 octets beyond ASCII in the target',
    lines: ['GET /\xe9 HTTP/1.1', host],
    reading: '400 malformed request target',
  },
  { name: '§3 fragment', lines: ['GET /a#b HTTP/1.1', host], reading: '400 malformed request target' },
  {
    name: '§3 control character in the target',
    lines: ['GET /\x01 HTTP/1.1', host],
    reading: '400 malformed request target',
  },
  { name: '§3.1 method of lower case', lines: ['get / HTTP/1.1', host], reading: '501 method not supported' },
  { name: '§3.1 unknown method', lines: ['BREW-2 / HTTP/1.1', host], reading: 'BREW-2 books / 1.1 - []' },
  {
    name: '§3.1 method without end',
    lines: [`${'A'.repeat(40)} / HTTP/1.1`, host],
    reading: '501 method not supported',
  },
  { name: '§3.1 no method', lines: ['/ HTTP/1.1', host], reading: '400 malformed request line' },
  { name: '§2.3 HTTP/1.0', lines: ['GET / HTTP/1.0', host], reading: 'GET books / 1.0 - []' },
  { name: '§2.3 HTTP/1.2', lines: ['GET / HTTP/1.2', host], reading: '505 version not supported' },
  { name: '§2.3 HTTP/2.0', lines: ['GET / HTTP/2.0', host], reading: '505 version not supported' },
  { name: '§2.3 HTTP/0.9', lines: ['GET / HTTP/0.9', host], reading: '505 version not supported' },
  { name: '§2.3 lower case', lines: ['GET / http/1.1', host], reading: '400 malformed request line' },
  { name: '§2.3 HTTP/1.10', lines: ['GET / HTTP/1.10', host], reading: '400 malformed request line' },
  { name: '§2.3 HTTP/01.1', lines: ['GET / HTTP/01.1', host], reading: '400 malformed request line' },
  {
    name: '§2.2 an empty line in front',
    lines: ['', 'GET / HTTP/1.1', host],
    reading: 'GET books / 1.1 - []',
  },
  {
    name: '§2.2 two empty lines in front',
    lines: ['', '', 'GET / HTTP/1.1', host],
    reading: '400 malformed request line',
  },
]

const hosts: readonly Case[] = [
  { name: '§3.2 no Host', lines: ['GET / HTTP/1.1'], reading: '400 missing or malformed Host' },
  { name: '§3.2 no Host in HTTP/1.0', lines: ['GET / HTTP/1.0'], reading: '400 missing or malformed Host' },
  { name: '§3.2 empty Host', lines: ['GET / HTTP/1.1', 'Host:'], reading: '400 missing or malformed Host' },
  {
    name: '§3.2 two Hosts',
    lines: ['GET / HTTP/1.1', host, 'Host: other'],
    reading: '400 more than one Host',
  },
  {
    name: '§3.2 the same Host twice',
    lines: ['GET / HTTP/1.1', host, host],
    reading: '400 more than one Host',
  },
  {
    name: '§3.2 a list of hosts',
    lines: ['GET / HTTP/1.1', 'Host: a, b'],
    reading: '400 missing or malformed Host',
  },
  {
    name: '§3.2 Host with a path',
    lines: ['GET / HTTP/1.1', 'Host: books/x'],
    reading: '400 missing or malformed Host',
  },
  {
    name: '§3.2 Host with user information',
    lines: ['GET / HTTP/1.1', 'Host: a@books'],
    reading: '400 missing or malformed Host',
  },
  {
    name: '§3.2 Host percent-encoded',
    lines: ['GET / HTTP/1.1', 'Host: b%6Foks'],
    reading: '400 missing or malformed Host',
  },
  {
    name: '§3.2 Host and port',
    lines: ['GET / HTTP/1.1', 'Host: books:8080'],
    reading: 'GET books:8080 / 1.1 - []',
  },
  {
    name: '§3.2 empty port',
    lines: ['GET / HTTP/1.1', 'Host: books:'],
    reading: '400 missing or malformed Host',
  },
  {
    name: '§3.2 port too high',
    lines: ['GET / HTTP/1.1', 'Host: books:65536'],
    reading: '400 missing or malformed Host',
  },
  {
    name: '§3.2 port with a sign',
    lines: ['GET / HTTP/1.1', 'Host: books:+80'],
    reading: '400 missing or malformed Host',
  },
  {
    name: '§3.2 IPv6',
    lines: ['GET / HTTP/1.1', 'Host: [2001:db8::1]:80'],
    reading: 'GET [2001:db8::1]:80 / 1.1 - []',
  },
  {
    name: '§3.2 IPv6 without its end',
    lines: ['GET / HTTP/1.1', 'Host: [2001:db8::1'],
    reading: '400 missing or malformed Host',
  },
  {
    name: '§3.2 IPv6 with a zone',
    lines: ['GET / HTTP/1.1', 'Host: [fe80::1%25eth0]'],
    reading: '400 missing or malformed Host',
  },
]

const fieldLines: readonly Case[] = [
  {
    name: '§5 blanks around a value',
    lines: ['GET / HTTP/1.1', host, 'a: \t b c\t '],
    reading: 'GET books / 1.1 - [a=b c]',
  },
  {
    name: '§5 empty value',
    lines: ['GET / HTTP/1.1', host, 'a:', 'b: '],
    reading: 'GET books / 1.1 - [a= b=]',
  },
  { name: '§5 no blank', lines: ['GET / HTTP/1.1', 'Host:books', 'A:b'], reading: 'GET books / 1.1 - [a=b]' },
  {
    name: '§5 colons in a value',
    lines: ['GET / HTTP/1.1', host, 'a: b:c'],
    reading: 'GET books / 1.1 - [a=b:c]',
  },
  {
    name: '§5.1 blank before the colon',
    lines: ['GET / HTTP/1.1', 'Host : books'],
    reading: '400 malformed field name',
  },
  { name: '§5.1 empty name', lines: ['GET / HTTP/1.1', host, ': x'], reading: '400 malformed field name' },
  { name: '§5.1 no colon', lines: ['GET / HTTP/1.1', host, 'abc'], reading: '400 malformed field name' },
  {
    name: '§5.1 parentheses in a name',
    lines: ['GET / HTTP/1.1', host, 'a(b): c'],
    reading: '400 malformed field name',
  },
  {
    name: '§5.1 octets beyond ASCII in a name',
    lines: ['GET / HTTP/1.1', host, '\xe9: c'],
    reading: '400 malformed field name',
  },
  {
    name: '§5.2 folded line',
    lines: ['GET / HTTP/1.1', host, 'a: b', ' c'],
    reading: '400 malformed field name',
  },
  {
    name: '§5.2 folded line behind the request line',
    lines: ['GET / HTTP/1.1', ' a: b', host],
    reading: '400 malformed field name',
  },
  {
    name: '§5.5 octets beyond ASCII in a value',
    lines: ['GET / HTTP/1.1', host, 'a: \xe9'],
    reading: 'GET books / 1.1 - [a=\xe9]',
  },
  { name: '§5.5 NUL', lines: ['GET / HTTP/1.1', host, 'a: b\0c'], reading: '400 malformed field value' },
  { name: '§5.5 DEL', lines: ['GET / HTTP/1.1', host, 'a: b\x7fc'], reading: '400 malformed field value' },
  {
    name: '§2.2 bare CR in a value',
    lines: ['GET / HTTP/1.1', host, 'a: b\rc'],
    reading: '400 malformed field value',
  },
  {
    name: '§2.2 bare LF in a value',
    lines: ['GET / HTTP/1.1', host, 'a: b\nc: d'],
    reading: '400 malformed field value',
  },
  {
    name: '§2.2 bare LF behind the request line',
    lines: ['GET / HTTP/1.1\nHost: books'],
    reading: '400 malformed request line',
  },
  {
    name: '§2.2 bare CR for the empty line',
    lines: ['GET / HTTP/1.1', host, '\rx'],
    reading: '400 malformed field name',
  },
]

const framings: readonly Case[] = [
  {
    name: '§6.2 length',
    lines: ['POST / HTTP/1.1', host, 'Content-Length: 3'],
    reading: 'POST books / 1.1 - [content-length=3]',
  },
  {
    name: '§6.2 length 0',
    lines: ['POST / HTTP/1.1', host, 'Content-Length: 0'],
    reading: 'POST books / 1.1 - [content-length=0]',
  },
  ...['+5', '-5', '5,5', '5, 5', '0x5', '05', '5 5', '', '5.0', '9'.repeat(16), '1e3'].map((value) => ({
    name: `§6.2 length ${JSON.stringify(value)}`,
    lines: ['POST / HTTP/1.1', host, `Content-Length: ${value}`],
    reading: '400 malformed Content-Length',
  })),
  {
    name: '§6.3 two lengths',
    lines: ['POST / HTTP/1.1', host, 'Content-Length: 3', 'Content-Length: 4'],
    reading: '400 more than one Content-Length',
  },
  {
    name: '§6.3 the same length twice',
    lines: ['POST / HTTP/1.1', host, 'Content-Length: 3', 'content-length: 3'],
    reading: '400 more than one Content-Length',
  },
  {
    name: '§6.1 chunked',
    lines: ['POST / HTTP/1.1', host, 'Transfer-Encoding: chunked'],
    reading: 'POST books / 1.1 - []',
  },
  ...[
    'Chunked',
    'gzip, chunked',
    'chunked, identity',
    'chunked, chunked',
    'xchunked',
    'identity',
    '',
    'chunked;q=1',
    '"chunked"',
    'chunked,',
    '\x0bchunked',
  ].map((value) => ({
    name: `§6.1 coding ${JSON.stringify(value)}`,
    lines: ['POST / HTTP/1.1', host, `Transfer-Encoding: ${value}`],
    reading: value.startsWith('\x0b') ? '400 malformed field value' : '501 transfer coding not supported',
  })),
  {
    name: '§6.1 two codings',
    lines: ['POST / HTTP/1.1', host, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    reading: '501 transfer coding not supported',
  },
  {
    name: '§6.1 coding and length',
    lines: ['POST / HTTP/1.1', host, 'Content-Length: 3', 'Transfer-Encoding: chunked'],
    reading: '400 Content-Length and Transfer-Encoding',
  },
  {
    name: '§6.1 coding in HTTP/1.0',
    lines: ['POST / HTTP/1.0', host, 'Transfer-Encoding: chunked'],
    reading: '400 Transfer-Encoding is not allowed here',
  },
  {
    name: 'RFC 9110 §9.3.6 CONNECT with a length',
    lines: ['CONNECT db:1 HTTP/1.1', 'Host: db:1', 'Content-Length: 0'],
    reading: '400 CONNECT with a body',
  },
  {
    name: 'RFC 9110 §10.1.1 expectation',
    lines: ['POST / HTTP/1.1', host, 'Content-Length: 3', 'Expect: 100-Continue'],
    reading: 'POST books / 1.1 - [content-length=3 expect=100-Continue]',
  },
  {
    name: 'RFC 9110 §10.1.1 other expectation',
    lines: ['POST / HTTP/1.1', host, 'Content-Length: 3', 'Expect: x'],
    reading: '417 expectation not supported',
  },
]

const hops: readonly Case[] = [
  {
    name: 'RFC 9110 §7.6.1 fields of the connection',
    lines: [
      'GET / HTTP/1.1',
      host,
      'a: 1',
      'Connection: keep-alive',
      'Keep-Alive: x',
      'TE: trailers',
      'Proxy-Connection: y',
      'b: 2',
    ],
    reading: 'GET books / 1.1 - [a=1 b=2]',
  },
  {
    name: 'RFC 9110 §7.6.1 fields that Connection names',
    lines: ['GET / HTTP/1.1', host, 'A: 1', 'connection: X-Hop ,, b', 'x-hop: 1', 'B: 2', 'C: 3'],
    reading: 'GET books / 1.1 - [a=1 c=3]',
  },
  {
    name: 'RFC 9110 §7.6.1 Connection names Host',
    lines: ['GET / HTTP/1.1', host, 'Connection: host'],
    reading: '400 Connection names an end-to-end field',
  },
  {
    name: 'RFC 9110 §7.6.1 Connection names Content-Length',
    lines: ['POST / HTTP/1.1', host, 'Content-Length: 3', 'Connection: close, Content-Length'],
    reading: '400 Connection names an end-to-end field',
  },
  {
    name: 'RFC 9110 §7.8 upgrade',
    lines: ['GET / HTTP/1.1', host, 'Connection: Upgrade', 'Upgrade: WebSocket'],
    reading: 'GET books / 1.1 websocket []',
  },
  {
    name: 'RFC 9110 §7.8 Upgrade without Connection',
    lines: ['GET / HTTP/1.1', host, 'Upgrade: websocket'],
    reading: 'GET books / 1.1 - []',
  },
  {
    name: 'RFC 9110 §7.8 upgrade in HTTP/1.0',
    lines: ['GET / HTTP/1.0', host, 'Connection: Upgrade', 'Upgrade: websocket'],
    reading: 'GET books / 1.0 - []',
  },
  {
    name: 'RFC 9110 §7.8 upgrade with a body',
    lines: ['POST / HTTP/1.1', host, 'Connection: Upgrade', 'Upgrade: x', 'Content-Length: 3'],
    reading: 'POST books / 1.1 - [content-length=3]',
  },
  {
    name: 'RFC 9110 §7.8 several protocols',
    lines: ['GET / HTTP/1.1', host, 'Connection: Upgrade', 'Upgrade: a, b'],
    reading: 'GET books / 1.1 - []',
  },
  {
    name: 'RFC 9110 §7.8 several lines',
    lines: ['GET / HTTP/1.1', host, 'Connection: Upgrade', 'Upgrade: a', 'Upgrade: b', 'Upgrade: c'],
    reading: 'GET books / 1.1 - []',
  },
  ...['h2c', 'HTTP/2.0', 'TLS/1.3', 'h2'].map((protocol) => ({
    name: `RFC 9113 §3.1 upgrade to ${protocol} is ignored`,
    lines: [
      'GET / HTTP/1.1',
      host,
      'Connection: Upgrade, HTTP2-Settings',
      `Upgrade: ${protocol}`,
      'HTTP2-Settings: AAA',
    ],
    reading: 'GET books / 1.1 - []',
  })),
]

for (const { name, lines, reading: expected, scheme } of [
  ...requestLines,
  ...hosts,
  ...fieldLines,
  ...framings,
  ...hops,
]) {
  test(`a request: ${name}`, () => {
    equal(reading(`${lines.join('\r\n')}\r\n\r\n`, scheme), expected)
  })
}

test('a request whose line is too long is refused, whether or not it ends', () => {
  const bench = new ServerBench({ maxStartLineBytes: 100 })
  bench.send(`GET /${'a'.repeat(100)}`)
  const whole = new ServerBench({ maxStartLineBytes: 100 })
  whole.send(`GET /${'a'.repeat(100)} HTTP/1.1\r\n${host}\r\n\r\n`)
  deepEqual([bench.refused[0]?.status, whole.refused[0]?.status], [414, 414])
})

test('fields of more bytes, or more fields, than the limits have it are refused, whether or not they end', () => {
  const limits = { maxHeaderBytes: 100, maxFields: 5 }
  const line = 'GET / HTTP/1.1\r\n'
  const statuses = [`a: ${'b'.repeat(200)}`, `a: ${'b'.repeat(200)}\r\n\r\n`, 'a: b\r\n'.repeat(6)].map(
    (rest) => {
      const bench = new ServerBench(limits)
      bench.send(line + rest)
      return bench.refused[0]?.status
    },
  )
  deepEqual(statuses, [431, 431, 431])
  const bench = new ServerBench(limits)
  bench.send(`${line}${host}\r\n${'a: b\r\n'.repeat(4)}\r\n`)
  equal(bench.seen.length, 1)
})
