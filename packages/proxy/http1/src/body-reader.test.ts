import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'

import type { Http1Limits } from './limits.ts'
import { ServerBench } from './test-support.ts'

/** What a handler hears of a request in chunks, and why it was refused. */
function reading(chunks: string, pieceBytes: number, limits: Partial<Http1Limits> = {}): string {
  const bench = new ServerBench(limits)
  bench.send(
    `POST / HTTP/1.1\r\nHost: books\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n${chunks}`,
    pieceBytes,
  )
  return [
    ...bench.last().handler.take(),
    ...bench.refused.map(({ status, reason }) => `${status} ${reason}`),
  ].join(', ')
}

const bad = 'reset 1, 400 malformed chunk'

const bodies: readonly [name: string, chunks: string, reading: string][] = [
  ['§7.1 chunks', '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', 'data hello world, end'],
  ['§7.1 no payload', '0\r\n\r\n', 'end'],
  [
    '§7.1 sizes in upper and lower case',
    'a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n',
    'data 01234567890123456789, end',
  ],
  ['§7.1 zeros in front of a size', '0005\r\nhello\r\n00\r\n\r\n', 'data hello, end'],
  ['§7.1 line ends in payload', '4\r\n\r\n\r\n\r\n0\r\n\r\n', 'data \r\n\r\n, end'],
  ['§7.1 a size of nine digits', '000000005\r\nhello\r\n', bad],
  ['§7.1 a size that overflows', 'FFFFFFFFFFFFFFFF5\r\n', bad],
  ['§7.1 no size', '\r\nhello', bad],
  ['§7.1 a size that is none', '5g\r\n', bad],
  ['§7.1 a sign', '+5\r\nhello', bad],
  ['§7.1 0x', '0x5\r\nhello', bad],
  ['§7.1 a blank behind the size', '5 \r\nhello', bad],
  ['§7.1 a blank before the size', ' 5\r\nhello', bad],
  ['§7.1 bare LF behind the size', '5\nhello', bad],
  ['§7.1 bare CR behind the size', '5\rhello', bad],
  ['§7.1 payload longer than its size', '5\r\nhello!\r\n', `data hello, ${bad}`],
  ['§7.1 bare LF behind the payload', '5\r\nhello\n0\r\n\r\n', `data hello, ${bad}`],
  ['§7.1.1 extensions', '5;a;b=c;d="e f";g="";h\r\nhello\r\n0;last\r\n\r\n', 'data hello, end'],
  ['§7.1.1 extension without a name', '5;\r\nhello', bad],
  ['§7.1.1 extension without a value', '5;a=\r\nhello', bad],
  ['§7.1.1 extension with a blank', '5; a\r\nhello', bad],
  ['§7.1.1 extension with an escape', '5;a="\\""\r\nhello', bad],
  ['§7.1.1 extension behind a quote', '5;a="b"c\r\nhello', bad],
  ['§7.1.1 extension with a quote within', '5;a=b"c"\r\nhello', bad],
  ['§7.1.1 extension with a bare LF', '5;a\nhello', bad],
  ['§7.1.1 extension with a line end in quotes', '5;a="\r\n"\r\nhello', bad],
  ['§7.1.2 trailers', '0\r\nA: b\r\nC: \td \r\n\r\n', 'end [a=b c=d]'],
  ['§7.1.2 a trailer that is none', '0\r\nA\r\n\r\n', 'reset 1, 400 malformed field name'],
  ...['Content-Length: 5', 'Transfer-Encoding: chunked', 'Host: other', 'Connection: close', 'Expect: x'].map(
    (line): [string, string, string] => [
      `§7.1.2 ${line} as a trailer`,
      `0\r\n${line}\r\n\r\n`,
      'reset 1, 400 field not allowed in trailers',
    ],
  ),
]

for (const [name, chunks, expected] of bodies) {
  test(`a body in chunks: ${name}`, () => {
    equal(reading(chunks, Infinity), expected)
    equal(reading(chunks, 1), expected, 'an octet at a time')
    equal(reading(chunks, 3), expected, 'three octets at a time')
  })
}

test('a body ends where its length says, wherever it is split', () => {
  for (const pieceBytes of [1, 2, 7, Infinity]) {
    const bench = new ServerBench()
    bench.send('POST / HTTP/1.1\r\nHost: books\r\nContent-Length: 5\r\n\r\nhelloGET', pieceBytes)
    deepEqual(bench.last().handler.take(), ['data hello', 'end'])
    deepEqual([bench.seen.length, bench.refused.length], [1, 0])
  }
})

test('trailers have the bounds of a head', () => {
  const many = `0\r\n${'a: b\r\n'.repeat(6)}\r\n`
  const long = `0\r\na: ${'b'.repeat(200)}`
  const limits = { maxFields: 5, maxHeaderBytes: 100 }
  equal(reading(many, Infinity, limits), 'reset 1, 431 too many header fields')
  equal(reading(long, 10, limits), 'reset 1, 431 header fields too large')
})

test('payload of more than the limit is refused, with its length or while it comes', () => {
  const known = new ServerBench({ maxBodyBytes: 10 })
  known.send('POST / HTTP/1.1\r\nHost: books\r\nContent-Length: 11\r\n\r\n')
  deepEqual([known.seen.length, known.refused[0]?.status], [0, 413])
  equal(
    reading('5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', Infinity, { maxBodyBytes: 10 }),
    'data hello, reset 11, 413 request body too large',
  )
  equal(
    reading('5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n', Infinity, { maxBodyBytes: 10 }),
    'data helloworld, end',
  )
})
