import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'

import { Fields } from './fields.ts'
import { answer, ServerBench } from './test-support.ts'

const get = 'GET /a?b=c HTTP/1.1\r\nHost: books\r\nX-One: 1\r\n\r\n'
const chunkedPost = 'POST / HTTP/1.1\r\nHost: books\r\nTransfer-Encoding: chunked\r\n\r\n'

function bytes(text: string): [Buffer, number, number] {
  return [Buffer.from(text, 'latin1'), 0, text.length]
}

test('a server reads a request, answers it and takes the next', async () => {
  const bench = new ServerBench()
  bench.send(get)
  const { head, exchange, handler, end } = bench.last()
  deepEqual(
    [head.method, head.authority, head.path, head.version, end],
    ['GET', 'books', '/a?b=c', '1.1', true],
  )
  deepEqual(head.fields.list(), ['x-one', '1'])
  deepEqual(handler.take(), ['end'])
  exchange.respond(answer(200, 'content-length', '2'), false)
  exchange.sendCopy(...bytes('hi'))
  exchange.endWithTrailers()
  equal(await bench.answers(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi')
  bench.send(get)
  equal(bench.seen.length, 2)
  bench.last().exchange.respond(answer(404), true)
  equal(await bench.answers(), 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n')
})

test('a server answers in one write a turn', async () => {
  const bench = new ServerBench()
  bench.send(get)
  const { exchange } = bench.last()
  exchange.respond(answer(200), false)
  exchange.sendCopy(...bytes('hello'))
  exchange.sendCopy(...bytes('!'))
  exchange.endWithTrailers(Fields.of(['x-sum', '6', 'content-length', '9', 'set-cookie', 'a=b']))
  await bench
    .answers()
    .then((text) =>
      equal(
        text,
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\nx-sum: 6\r\n\r\n',
      ),
    )
  bench.send(get)
  bench.last().exchange.respond(answer(204, 'content-length', '0'), true)
  await new Promise(setImmediate)
  equal(bench.transport.writes.length, 1)
})

test('a server sends large slices without a copy, and says when they may be reused', async () => {
  const bench = new ServerBench()
  bench.transport.keepsWrites = true
  bench.send(get)
  const { exchange } = bench.last()
  const large = Buffer.alloc(20_000, 0x61)
  let done = 0
  exchange.respond(answer(200), false)
  exchange.sendSlice(large, 0, large.length, () => done++)
  exchange.sendSlice(large, 0, 3, () => done++)
  equal(done, 1, 'the small one was copied')
  exchange.endWithTrailers()
  await new Promise(setImmediate)
  equal(bench.transport.writes.length, 3)
  for (const written of bench.transport.pending) written()
  equal(done, 2)
  equal(
    await bench.answers(),
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4e20\r\n${large.toString()}\r\n3\r\naaa\r\n0\r\n\r\n`,
  )
})

test('a server hands on payload in chunks, with trailers', () => {
  const bench = new ServerBench()
  bench.send(`${chunkedPost}5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 6\r\n\r\n`, 3)
  deepEqual(bench.last().handler.take(), ['data hello!', 'end [x-sum=6]'])
})

/** What is answered to a request by a handler that says this. */
const answers: readonly [
  name: string,
  request: string,
  head: ReturnType<typeof answer>,
  body: string,
  text: string,
  ended: boolean,
][] = [
  [
    'HEAD: no payload, the length stays',
    'HEAD / HTTP/1.1',
    answer(200, 'content-length', '5'),
    'hello',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n',
    false,
  ],
  ['HEAD: nothing is added', 'HEAD / HTTP/1.1', answer(200), '', 'HTTP/1.1 200 OK\r\n\r\n', false],
  [
    '204: neither length nor payload',
    'GET / HTTP/1.1',
    answer(204, 'content-length', '5'),
    'hello',
    'HTTP/1.1 204 No Content\r\n\r\n',
    false,
  ],
  [
    '304: the length stays, no payload',
    'GET / HTTP/1.1',
    answer(304, 'content-length', '5'),
    'hello',
    'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
    false,
  ],
  [
    'HTTP/1.0: the end of the connection ends the payload',
    'GET / HTTP/1.0',
    answer(200),
    'hello',
    'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello',
    true,
  ],
  [
    'HTTP/1.0: closed after each',
    'GET / HTTP/1.0\r\nConnection: keep-alive',
    answer(200, 'content-length', '5'),
    'hello',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello',
    true,
  ],
  [
    'Connection: close',
    'GET / HTTP/1.1\r\nConnection: Close',
    answer(200, 'content-length', '5'),
    'hello',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello',
    true,
  ],
  [
    'fields of a connection are never an answer’s own',
    'GET / HTTP/1.1',
    answer(
      200,
      'connection',
      'x-a',
      'transfer-encoding',
      'gzip',
      'upgrade',
      'x',
      'x-a',
      '1',
      'content-length',
      '0',
    ),
    '',
    'HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 0\r\n\r\n',
    false,
  ],
  [
    'a status without a phrase',
    'GET / HTTP/1.1',
    answer(799, 'content-length', '0'),
    '',
    'HTTP/1.1 799 \r\ncontent-length: 0\r\n\r\n',
    false,
  ],
]

for (const [name, request, head, body, text, ended] of answers) {
  test(`an answer to ${name}`, async () => {
    const bench = new ServerBench()
    bench.send(`${request}\r\nHost: books\r\n\r\n`)
    const { exchange } = bench.last()
    exchange.respond(head, false)
    exchange.sendCopy(...bytes(body))
    exchange.endWithTrailers()
    equal(await bench.answers(), text)
    equal(bench.transport.ended, ended)
  })
}

const unsendable: readonly [name: string, head: ReturnType<typeof answer>, end: boolean][] = [
  ['with a line end in a value', answer(200, 'x', 'a\r\nb: c'), true],
  ['with a blank in a name', answer(200, 'x y', 'a'), true],
  ['with two lengths', answer(200, 'content-length', '1', 'content-length', '2'), false],
  ['with a length that is none', answer(200, 'content-length', '1a'), false],
  ['with a length and nothing behind', answer(200, 'content-length', '1'), true],
  ['of no status', answer(20), true],
  ['that switches without being asked', answer(101), false],
]

for (const [name, head, end] of unsendable) {
  test(`an answer ${name} becomes 502`, async () => {
    const bench = new ServerBench()
    bench.send(get)
    bench.last().exchange.respond(head, end)
    ok((await bench.answers()).startsWith('HTTP/1.1 502 Bad Gateway\r\n'))
    deepEqual(bench.last().handler.take(), ['end', 'reset 2'])
    deepEqual([bench.transport.ended, bench.refused[0]?.reason], [true, 'answer cannot be sent'])
  })
}

test('an answer of fewer or more bytes than it says ends the connection', async () => {
  for (const body of ['hell', 'hello!']) {
    const bench = new ServerBench()
    bench.send(get)
    const { exchange } = bench.last()
    exchange.respond(answer(200, 'content-length', '5'), false)
    exchange.sendCopy(...bytes(body))
    exchange.endWithTrailers()
    deepEqual([bench.transport.destroyed, bench.closed], [true, 1], body)
    ok(!(await bench.answers()).includes('!'))
  }
})

test('informational answers go before the final one, not to HTTP/1.0', async () => {
  for (const version of ['1.0', '1.1']) {
    const bench = new ServerBench()
    bench.send(`POST / HTTP/${version}\r\nHost: books\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n`)
    const { exchange } = bench.last()
    exchange.inform(answer(100))
    exchange.inform(answer(103, 'link', '</a>'))
    exchange.inform(answer(101))
    const begin =
      version === '1.0' ? '' : 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'
    equal(await bench.answers(), begin)
    bench.send('x')
    exchange.respond(answer(200), true)
    exchange.inform(answer(100))
    ok((await bench.answers()).startsWith('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n'))
  }
})

test('an answer before the end of its request ends the connection behind it', async () => {
  const bench = new ServerBench()
  bench.send(`${chunkedPost}1\r\na\r\n`)
  const { exchange, handler } = bench.last()
  exchange.respond(answer(413, 'content-length', '0'), true)
  equal(
    await bench.answers(),
    'HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
  )
  equal(bench.transport.ended, true)
  bench.send('1\r\nb\r\n')
  deepEqual(handler.take(), ['data a'])
  equal(bench.transport.destroyed, false, 'the client can still read the answer')
  await bench.clock.advance(1000)
  deepEqual([bench.transport.destroyed, bench.closed, bench.clock.pending], [true, 1, 0])
})

test('requests in one piece are handled one at a time, in order', async () => {
  const bench = new ServerBench()
  const post = 'POST /2 HTTP/1.1\r\nHost: books\r\nContent-Length: 2\r\n\r\nhi'
  bench.send(get + post + get.replace('/a', '/3') + get.slice(0, 20))
  equal(bench.seen.length, 1)
  ok(bench.transport.paused)
  bench.last().exchange.respond(answer(200), true)
  equal(bench.seen.length, 2)
  deepEqual(bench.last().handler.take(), ['data hi', 'end'])
  bench.last().exchange.respond(answer(201), true)
  equal(bench.last().head.path, '/3?b=c')
  bench.last().exchange.respond(answer(202), true)
  ok(!bench.transport.paused)
  bench.send(get.slice(20))
  bench.last().exchange.respond(answer(203), true)
  const statuses = (await bench.answers()).match(/1.1 (\d+)/g)
  deepEqual(statuses, ['1.1 200', '1.1 201', '1.1 202', '1.1 203'])
})

for (const [what, second] of [
  ['a request that is answered at once', 'GET /now HTTP/1.1\r\nHost: books\r\n\r\n'],
  ['a body whose credit is due', 'POST /now HTTP/1.1\r\nHost: books\r\nContent-Length: 2\r\n\r\nhi'],
] as const)
  test(`requests keep their order where reading goes on in the middle of a read: behind ${what}`, async () => {
    const request = (path: string): string => `GET /${path} HTTP/1.1\r\nHost: books\r\n\r\n`
    const bench = new ServerBench({ maxUnconsumedBytes: 1 })
    bench.onRequest = ({ head, exchange, handler }) => {
      if (head.path === '/now') handler.onEnd = () => exchange.respond(answer(200), true)
    }
    const waiting = [request('fifth'), request('last')]
    bench.transport.resumeReading = () => {
      bench.transport.paused = false
      for (const text of waiting.splice(0)) bench.send(text)
    }
    bench.send(request('first') + second + request('third') + request('fourth'))
    for (let i = 0; i < 5; i++) {
      bench.last().exchange.respond(answer(200), true)
      await bench.answers()
    }
    deepEqual(
      bench.seen.map(({ head }) => head.path),
      ['/first', '/now', '/third', '/fourth', '/fifth', '/last'],
    )
    equal(bench.transport.paused, false)
  })

test('requests in one piece that are answered at once need no room for each other', async () => {
  const bench = new ServerBench()
  bench.onRequest = ({ exchange }) => exchange.respond(answer(200), true)
  bench.send(get.repeat(5000))
  let answers = ''
  for (let turns = 0; turns < 100; turns++) answers += await bench.answers()
  deepEqual([bench.seen.length, answers.match(/HTTP/g)?.length], [5000, 5000])
})

test('a server that is draining ends behind the request in progress', async () => {
  const bench = new ServerBench()
  bench.send(get)
  bench.connection.drain()
  equal(bench.transport.ended, false)
  bench.last().exchange.respond(answer(200), true)
  ok((await bench.answers()).includes('connection: close'))
  equal(bench.transport.ended, true)
  const idle = new ServerBench()
  idle.connection.drain()
  equal(idle.transport.ended, true)
})

test('a server that is draining waits for a request that may be on its way, and answers it', async () => {
  const bench = new ServerBench()
  bench.connection.drain(3000)
  await bench.clock.advance(2000)
  bench.connection.drain(3000)
  equal(bench.transport.ended, false)
  bench.send(get)
  bench.last().exchange.respond(answer(200), true)
  ok((await bench.answers()).includes('connection: close'))
  equal(bench.transport.ended, true)
  const idle = new ServerBench()
  idle.connection.drain(3000)
  await idle.clock.advance(2000)
  idle.connection.drain(3000)
  await idle.clock.advance(1000)
  equal(idle.transport.ended, true)
})

test('a connection ends after so many requests, and after so long', async () => {
  const few = new ServerBench({ maxRequests: 2 })
  const young = new ServerBench({ maxAgeMs: 1000 })
  for (const bench of [few, young]) {
    bench.onRequest = ({ exchange }) => exchange.respond(answer(200), true)
    bench.send(get)
    ok(!(await bench.answers()).includes('close'))
    await bench.clock.advance(1000)
    bench.send(get)
    ok((await bench.answers()).includes('close'))
    equal(bench.transport.ended, true)
  }
})

test('reading pauses while payload is on its way, and goes on with credit', () => {
  const bench = new ServerBench({ maxUnconsumedBytes: 1000 })
  bench.send(`POST / HTTP/1.1\r\nHost: books\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(1500)}`)
  ok(bench.transport.paused)
  const { exchange } = bench.last()
  exchange.consumed(900)
  ok(bench.transport.paused)
  exchange.consumed(200)
  ok(!bench.transport.paused)
})

test('a handler that keeps the buffer is heard', () => {
  const bench = new ServerBench()
  const head = Buffer.from('POST / HTTP/1.1\r\nHost: books\r\nContent-Length: 5\r\n\r\n')
  equal(bench.connection.receive(head, 0, head.length), false)
  bench.last().handler.keepsBuffers = true
  const body = Buffer.from('hello')
  equal(bench.connection.receive(body, 0, 5), true)
})

test('a transport without room is told on, and no further request begins before it has', async () => {
  const bench = new ServerBench()
  bench.transport.roomy = false
  bench.send(get + get)
  const { exchange, handler } = bench.last()
  exchange.respond(answer(200), false)
  await bench.answers()
  deepEqual([exchange.sendable, exchange.sendCopy(...bytes('a'))], [0, false])
  exchange.endWithTrailers()
  equal(bench.seen.length, 1)
  equal(handler.writable, 0)
  bench.transport.roomy = true
  bench.connection.onTransportDrain()
  equal(bench.seen.length, 2)
})

test('a client that goes breaks its request off', () => {
  for (const how of ['onTransportEnd', 'onTransportClose'] as const) {
    const bench = new ServerBench()
    bench.send(get)
    bench.connection[how]()
    bench.connection.onTransportClose()
    deepEqual(bench.last().handler.take(), ['end', 'reset 8'])
    bench.last().exchange.respond(answer(200), true)
    deepEqual([bench.closed, bench.transport.destroyed, bench.clock.pending], [1, true, 0])
  }
})

test('an exchange that is given up ends the connection and hears nothing', () => {
  const bench = new ServerBench()
  bench.send(get)
  bench.last().exchange.reset(8)
  deepEqual(bench.last().handler.take(), ['end'])
  deepEqual([bench.closed, bench.transport.destroyed], [1, true])
})

test('connections that idle, from their beginning or behind a request, are closed without a word', async () => {
  const fresh = new ServerBench()
  await fresh.clock.advance(10_000)
  const used = new ServerBench()
  used.onRequest = ({ exchange }) => exchange.respond(answer(200), true)
  used.send(get)
  await used.answers()
  await used.clock.advance(59_999)
  equal(used.transport.ended, false)
  await used.clock.advance(1)
  for (const bench of [fresh, used]) {
    equal(await bench.answers(), '')
    equal(bench.transport.ended, true)
    bench.connection.onTransportEnd()
    deepEqual([bench.transport.destroyed, bench.clock.pending], [true, 0])
  }
})

test('a request that is being handled may take any time', async () => {
  const bench = new ServerBench()
  bench.send(get)
  await bench.clock.advance(3_600_000)
  bench.last().exchange.respond(answer(200), true)
  ok((await bench.answers()).includes(' 200 '))
  equal(bench.transport.ended, false)
})
