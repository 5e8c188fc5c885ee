import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'

import type { RequestHead } from './exchange.ts'
import { Fields } from './fields.ts'
import { ClientBench, Recorder, requestHead, turn } from './test-support.ts'

function bytes(text: string): [Buffer, number, number] {
  return [Buffer.from(text, 'latin1'), 0, text.length]
}

/** What a client's handler hears of an answer, and whether the connection takes another request. */
function reading(text: string, method: string = 'GET', pieceBytes: number = Infinity): string {
  const bench = new ClientBench()
  const handler = new Recorder()
  bench.client.request(requestHead({ method }), handler, true)
  bench.send(text, pieceBytes)
  return [...handler.take(), bench.client.isIdle ? 'idle' : bench.closed > 0 ? 'closed' : 'open'].join(', ')
}

const plain = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nhi'
const broken = 'reset 1 unanswered, closed'

const readings: readonly [name: string, text: string, reading: string, method?: string][] = [
  ['§6.3 length', plain, 'response 200 [content-length=2 a=b], data hi, end, idle'],
  [
    '§6.3 length 0',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'response 200 [content-length=0] end, end, idle',
  ],
  ['§6.3 to the end of the connection', 'HTTP/1.1 200 OK\r\n\r\nhi', 'response 200 [], data hi, open'],
  [
    '§6.3 HEAD',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n',
    'response 200 [content-length=2] end, end, idle',
    'HEAD',
  ],
  [
    '§6.3 HEAD in chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'response 200 [] end, end, idle',
    'HEAD',
  ],
  ['§6.3 204', 'HTTP/1.1 204 No Content\r\n\r\n', 'response 204 [] end, end, idle'],
  [
    '§6.3 204 of length 0',
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    'response 204 [content-length=0] end, end, idle',
  ],
  ['§6.3 204 of a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n', broken],
  ['§6.1 204 in chunks', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', broken],
  [
    '§6.3 304',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    'response 304 [content-length=9] end, end, idle',
  ],
  [
    '§7.1 chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx: y\r\n\r\n',
    'response 200 [], data hi, end [x=y], idle',
  ],
  [
    '§6.1 coding and length',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n',
    broken,
  ],
  ['§6.1 other coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', broken],
  ['§6.1 coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', broken],
  ['§6.3 two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n', broken],
  [
    '§4 no phrase',
    'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
    'response 200 [content-length=0] end, end, idle',
  ],
  [
    '§4 empty phrase',
    'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
    'response 200 [content-length=0] end, end, idle',
  ],
  [
    '§4 unknown status',
    'HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n',
    'response 799 [content-length=0] end, end, idle',
  ],
  ['§4 status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', broken],
  ['§4 status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', broken],
  ['§4 status below 100', 'HTTP/1.1 099 OK\r\n\r\n', broken],
  ['§4 two blanks', 'HTTP/1.1  200 OK\r\n\r\n', broken],
  ['§4 control character in the phrase', 'HTTP/1.1 200 O\x01K\r\n\r\n', broken],
  ['§4 HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n', broken],
  ['§4 another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', broken],
  ['§2.2 bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', broken],
  ['§5.2 folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n', broken],
  [
    '§9.3 close',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi',
    'response 200 [content-length=2], data hi, end, closed',
  ],
  [
    '§9.3 HTTP/1.0',
    'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi',
    'response 200 [content-length=2], data hi, end, closed',
  ],
  [
    '§9.3 bytes behind the answer',
    `${plain}HTTP`,
    'response 200 [content-length=2 a=b], data hi, end, closed',
  ],
  [
    'RFC 9110 §15.2 informational',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n${plain}`,
    'inform 100 [], inform 103 [link=x], response 200 [content-length=2 a=b], data hi, end, idle',
  ],
  [
    'RFC 9110 §15.2.2 101 that nobody asked for',
    'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    broken,
  ],
  [
    'informational without end',
    'HTTP/1.1 100 Continue\r\n\r\n'.repeat(17),
    `${'inform 100 [], '.repeat(16)}reset 11 unanswered, closed`,
  ],
  [
    'a chunk that is none',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhiX',
    'response 200 [], data hi, reset 1 answered, closed',
  ],
]

for (const [name, text, expected, method] of readings) {
  test(`an answer: ${name}`, () => {
    equal(reading(text, method), expected)
    equal(reading(text, method, 1), expected, 'an octet at a time')
  })
}

interface SendCase {
  readonly name: string
  readonly change: Partial<RequestHead>
  readonly body?: string
  /** Undefined: it can't be sent. */
  readonly text: string | undefined
}

const sent: readonly SendCase[] = [
  {
    name: 'GET',
    change: { fields: Fields.of(['a', 'b']) },
    text: 'GET / HTTP/1.1\r\nhost: books\r\na: b\r\n\r\n',
  },
  {
    name: 'POST without content',
    change: { method: 'POST' },
    text: 'POST / HTTP/1.1\r\nhost: books\r\ncontent-length: 0\r\n\r\n',
  },
  {
    name: 'content of a known length',
    change: { method: 'PUT', fields: Fields.of(['content-length', '2']) },
    body: 'hi',
    text: 'PUT / HTTP/1.1\r\nhost: books\r\ncontent-length: 2\r\n\r\nhi',
  },
  {
    name: 'content of unknown length',
    change: { method: 'PUT' },
    body: 'hi',
    text: 'PUT / HTTP/1.1\r\nhost: books\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  },
  {
    name: 'OPTIONS of the server',
    change: { method: 'OPTIONS', path: '*' },
    text: 'OPTIONS * HTTP/1.1\r\nhost: books\r\n\r\n',
  },
  {
    name: 'cookies that HTTP/2 split',
    change: { fields: Fields.of(['cookie', 'a=1', 'x', 'y', 'cookie', 'b=2']) },
    text: 'GET / HTTP/1.1\r\nhost: books\r\ncookie: a=1; b=2\r\nx: y\r\n\r\n',
  },
  {
    name: 'fields of a connection',
    change: { fields: Fields.of(['te', 'trailers', 'host', 'other', 'connection', 'a', 'a', '1']) },
    text: 'GET / HTTP/1.1\r\nhost: books\r\na: 1\r\n\r\n',
  },
  { name: 'a line end in the path', change: { path: '/ HTTP/1.1\r\nX: y' }, text: undefined },
  { name: 'a blank in the path', change: { path: '/a b' }, text: undefined },
  { name: 'a path that is none', change: { path: 'a' }, text: undefined },
  { name: 'a blank in the authority', change: { authority: 'a b' }, text: undefined },
  { name: 'no authority', change: { authority: '' }, text: undefined },
  { name: 'a method of lower case', change: { method: 'get' }, text: undefined },
  { name: 'a line end in a value', change: { fields: Fields.of(['a', 'b\r\nc: d']) }, text: undefined },
  { name: 'an octet that is none', change: { fields: Fields.of(['a', '\u010a']) }, text: undefined },
  { name: 'a colon in a name', change: { fields: Fields.of(['a:b', 'c']) }, text: undefined },
  {
    name: 'a length and no content',
    change: { fields: Fields.of(['content-length', '2']) },
    text: undefined,
  },
  {
    name: 'lengths that differ',
    change: { fields: Fields.of(['content-length', '2', 'content-length', '3']) },
    body: 'hi',
    text: undefined,
  },
]

for (const { name, change, body, text } of sent) {
  test(`a request is sent: ${name}`, async () => {
    const bench = new ClientBench()
    const handler = new Recorder()
    const exchange = bench.client.request(requestHead(change), handler, body === undefined)
    if (body !== undefined) {
      exchange.sendCopy(...bytes(body))
      exchange.endWithTrailers()
    }
    equal(await bench.sent(), text ?? '')
    deepEqual(handler.take(), text === undefined ? ['reset 1 unsent'] : [])
    equal(bench.client.isIdle, text === undefined, 'the connection is as good as before')
  })
}

test('a connection carries one request after the other', async () => {
  const bench = new ClientBench()
  for (let count = 1; count <= 3; count++) {
    const handler = new Recorder()
    bench.client.request(requestHead(), handler, true)
    equal(bench.client.isIdle, false)
    bench.send(plain)
    deepEqual(handler.take(), ['response 200 [content-length=2 a=b]', 'data hi', 'end'])
    deepEqual([bench.client.isIdle, bench.idle, bench.client.requests], [true, count, count])
  }
  equal((await bench.sent()).match(/GET/g)?.length, 3)
})

test('a second request at the same time is broken off as unsent', async () => {
  const bench = new ClientBench()
  bench.client.request(requestHead(), new Recorder(), true)
  const second = new Recorder()
  bench.client.request(requestHead(), second, true)
  await turn()
  deepEqual(second.take(), ['reset 7 unsent'])
})

test('a request that fails says how far it got', async () => {
  const begin = async (before: number): Promise<[ClientBench, Recorder]> => {
    const bench = new ClientBench()
    for (let count = 0; count < before; count++) {
      bench.client.request(requestHead(), new Recorder(), true)
      await bench.sent()
      bench.send(plain)
    }
    const handler = new Recorder()
    bench.client.request(requestHead(), handler, true)
    return [bench, handler]
  }
  const ends: readonly [fate: string, before: number, answer: string | undefined][] = [
    ['unsent', 0, undefined],
    ['unsent', 1, undefined],
    ['unanswered', 0, ''],
    ['reused', 1, ''],
    ['unanswered', 1, 'H'],
    ['unanswered', 1, 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['answered', 1, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh'],
  ]
  for (const [fate, before, answered] of ends) {
    const [bench, handler] = await begin(before)
    if (answered !== undefined) {
      await bench.sent()
      bench.send(answered)
    }
    bench.client.onTransportClose()
    equal(handler.take().at(-1), `reset 8 ${fate}`)
    deepEqual([bench.closed, bench.clock.pending], [1, 0])
  }
})

test('an answer to the end of the connection is complete only if that ends in good order', () => {
  for (const [how, last] of [
    ['onTransportEnd', 'end'],
    ['onTransportClose', 'reset 8 answered'],
  ] as const) {
    const bench = new ClientBench()
    const handler = new Recorder()
    bench.client.request(requestHead(), handler, true)
    bench.send('HTTP/1.1 200 OK\r\n\r\nhi')
    bench.client[how]()
    deepEqual(handler.take(), ['response 200 []', 'data hi', last])
    equal(bench.closed, 1)
  }
})

test('an answer cut short is none', () => {
  const bench = new ClientBench()
  const handler = new Recorder()
  bench.client.request(requestHead(), handler, true)
  bench.send(plain.slice(0, -1))
  bench.client.onTransportEnd()
  equal(handler.take().at(-1), 'reset 8 answered')
})

test('bytes that nobody asked for end an idle connection', () => {
  const bench = new ClientBench()
  bench.send('HTTP/1.1 408 Request Timeout\r\n\r\n')
  deepEqual([bench.closed, bench.client.isIdle], [1, false])
})

test('an answer before the end of the request is handed on, and is the connection’s last', async () => {
  const bench = new ClientBench()
  const handler = new Recorder()
  const exchange = bench.client.request(requestHead({ method: 'POST' }), handler, false)
  exchange.sendCopy(...bytes('a'))
  await bench.sent()
  bench.send(plain)
  deepEqual(handler.take(), ['response 200 [content-length=2 a=b]', 'data hi', 'end'])
  deepEqual([bench.closed, bench.idle, exchange.sendable], [1, 0, 0])
  exchange.sendCopy(...bytes('b'))
  equal(await bench.sent(), '')
})

test('a request of fewer or more bytes than it says ends the connection', () => {
  for (const body of ['h', 'hi!']) {
    const bench = new ClientBench()
    const handler = new Recorder()
    const fields = Fields.of(['content-length', '2'])
    const exchange = bench.client.request(requestHead({ method: 'PUT', fields }), handler, false)
    exchange.sendCopy(...bytes(body))
    exchange.endWithTrailers()
    deepEqual([handler.take(), bench.closed], [['reset 2 unsent'], 1])
  }
})

test('what still comes of a request that can’t be sent reaches neither the connection nor the next request on it', async () => {
  for (const order of ['before', 'behind'] as const) {
    const bench = new ClientBench()
    const chunked = bench.client.request(requestHead({ method: 'POST' }), new Recorder(), false)
    chunked.sendCopy(...bytes('x'))
    chunked.endWithTrailers()
    bench.send(plain)
    await bench.sent()
    const [unsendable, next] = [new Recorder(), new Recorder()]
    const fields = Fields.of(['content-length', '02'])
    const unsent = bench.client.request(requestHead({ method: 'POST', fields }), unsendable, false)
    const say = (): void => {
      unsent.sendCopy(...bytes('EVIL'))
      unsent.endWithTrailers()
      unsent.reset(8)
    }
    if (order === 'before') say()
    bench.client.request(requestHead({ method: 'GET', path: '/next' }), next, true)
    if (order === 'behind') say()
    equal(await bench.sent(), 'GET /next HTTP/1.1\r\nhost: books\r\n\r\n')
    bench.send(plain)
    deepEqual(next.take(), ['response 200 [content-length=2 a=b]', 'data hi', 'end'])
    deepEqual([bench.closed, bench.client.isIdle], [0, true])
  }
})

test('a request that is given up ends the connection and hears nothing', () => {
  const bench = new ClientBench()
  const handler = new Recorder()
  bench.client.request(requestHead(), handler, true).reset(8)
  deepEqual([handler.take(), bench.closed, bench.transport.destroyed], [[], 1, true])
})

test('a client that is draining ends behind the answer', () => {
  const bench = new ClientBench()
  bench.client.request(requestHead(), new Recorder(), true)
  bench.client.drain()
  equal(bench.closed, 0)
  bench.send(plain)
  deepEqual([bench.closed, bench.idle], [1, 0])
})

test('reading an answer pauses while it is on its way', () => {
  const bench = new ClientBench({ maxUnconsumedBytes: 1000 })
  const exchange = bench.client.request(requestHead(), new Recorder(), true)
  bench.send(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1200)}`)
  ok(bench.transport.paused)
  exchange.consumed(1200)
  ok(!bench.transport.paused)
})

test('an end asked for from within a callback is the end', () => {
  const bench = new ClientBench()
  const handler = new Recorder()
  const exchange = bench.client.request(requestHead(), handler, true)
  handler.consume = () => exchange.reset(8)
  bench.send(plain)
  deepEqual(handler.take(), ['response 200 [content-length=2 a=b]', 'data hi'])
  deepEqual([bench.closed, bench.idle], [1, 0])
})
