import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { requestsPerTurn } from '@tulle/core'

import { Fields } from './fields.ts'
import {
  answer,
  ClientBench,
  Recorder,
  requestHead,
  ServerBench,
  turn,
  whereInputIsRead,
} from './test-support.ts'

const behind = 'GET /smuggled HTTP/1.1\r\nHost: books\r\n\r\n'

/** Sends it, with another request behind; nothing may be handled, and the connection ends behind the status. */
async function refuses(text: string, status: number): Promise<void> {
  const bench = new ServerBench()
  bench.send(text + behind)
  deepEqual(bench.seen, [], JSON.stringify(text))
  ok((await bench.answers()).startsWith(`HTTP/1.1 ${status} `), JSON.stringify(text))
  equal(bench.transport.ended, true)
  bench.connection.onTransportEnd()
  deepEqual([bench.closed, bench.transport.destroyed, bench.clock.pending], [1, true, 0])
}

function post(...lines: readonly string[]): string {
  return ['POST / HTTP/1.1', 'Host: books', ...lines, '', ''].join('\r\n')
}

test('case 1: Content-Length and Transfer-Encoding together are refused, in both orders and both directions', async () => {
  await refuses(`${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`, 400)
  await refuses(`${post('Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n`, 400)
  const bench = new ClientBench()
  const handler = new Recorder()
  bench.client.request(requestHead(), handler, true)
  bench.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
  deepEqual([handler.take(), bench.closed], [['reset 1 unanswered'], 1])
})

test('case 2: lengths that differ, that repeat, or that are no plain number are refused', async () => {
  await refuses(`${post('Content-Length: 5', 'Content-Length: 6')}hello`, 400)
  await refuses(`${post('Content-Length: 5', 'Content-Length: 5')}hello`, 400)
  for (const value of ['+5', '5,5', '5, 5', '-1', '0x5', '05', '5a', '', '99999999999999999999'])
    await refuses(`${post(`Content-Length: ${value}`)}hello`, 400)
})

test('case 3: a transfer coding that is not exactly chunked is refused', async () => {
  for (const value of [
    'chunked, identity',
    'identity',
    'xchunked',
    'Chunked',
    'CHUNKED',
    'chunked\t,',
    'gzip',
    'gzip, chunked',
  ])
    await refuses(`${post(`Transfer-Encoding: ${value}`)}0\r\n\r\n`, 501)
  await refuses(`${post('Transfer-Encoding: \x0bchunked')}0\r\n\r\n`, 400)
  await refuses(`${post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n`, 501)
  await refuses(`${post('Transfer-Encoding\t: chunked')}0\r\n\r\n`, 400)
})

test('case 4: a chunk extension without end, many extensions, and a size that overflows are refused', async () => {
  const head = post('Transfer-Encoding: chunked')
  const endless = `5;${'a'.repeat(100_000)}`
  const many = '1;aaaaaaaaaa\r\nx\r\n'.repeat(1000)
  for (const chunks of [endless, many, 'ffffffffffffffffff\r\n', '100000005\r\nhello']) {
    const bench = new ServerBench()
    bench.send(head + chunks, 1000)
    equal(bench.last().handler.take().at(-1), 'reset 1')
    ok((await bench.answers()).startsWith('HTTP/1.1 400 '))
    equal(bench.transport.ended, true)
  }
})

test('case 5: bare CR, bare LF, NUL and folded lines are refused', async () => {
  for (const line of ['a: b\rc', 'a: b\nc: d', 'a: b\0c', 'a: b\r\n c', 'a: b\r\n\tc', 'a\n: b', 'a: b\x08'])
    await refuses(post(line), 400)
})

test('case 5: what has them is not sent either, wherever it comes from', async () => {
  for (const value of ['b\rc', 'b\nc', 'b\0c', 'b\u010ac']) {
    const server = new ServerBench()
    server.send(behind)
    server.last().exchange.respond(answer(200, 'a', value), true)
    ok((await server.answers()).startsWith('HTTP/1.1 502 '))
    const client = new ClientBench()
    client.client.request(requestHead({ fields: Fields.of(['a', value]) }), new Recorder(), true)
    equal(await client.sent(), '')
  }
})

test('case 6: a blank before the colon, an empty name, and control octets in a name are refused', async () => {
  for (const line of ['a : b', 'a\t: b', ': b', 'a\x01: b', 'a\0: b', ' a: b', 'a b: c', '"a": b'])
    await refuses(post(line), 400)
})

test('case 7: more than a hundred fields, or more than 64 KiB of them, are refused; what is kept is bounded', async () => {
  await refuses(post(...Array.from({ length: 100 }, (_, i) => `a${i}: b`)), 431)
  await refuses(post(`a: ${'b'.repeat(65_536)}`), 431)
  const bench = new ServerBench()
  bench.send('GET / HTTP/1.1\r\n')
  let sentBytes = 0
  for (; bench.refused.length === 0 && sentBytes < 1_000_000; sentBytes += 1000) bench.send('a'.repeat(1000))
  equal(bench.refused[0]?.status, 431)
  ok(sentBytes < 70_000)
})

test('case 7: thousands of names in Connection cost no look at each field for each of them', (t) => {
  const named = `Connection: ${'x,'.repeat(30_000)}`
  // What a look at a name begins with.
  const lowered = t.mock.method(String.prototype, 'toLowerCase')
  const looksWith = (fields: number): number => {
    const lines = Array.from({ length: fields }, (_, i) => `a${i}: b`)
    const bench = new ServerBench()
    lowered.mock.resetCalls()
    bench.send(['GET / HTTP/1.1', 'Host: books', named, ...lines, '', ''].join('\r\n'))
    const looks = lowered.mock.callCount()
    equal(bench.seen.length, 1)
    return looks
  }
  equal(looksWith(90) - looksWith(1), 89)
})

test('case 7: of thousands of requests in one read, one turn handles no more than its share', async () => {
  const bench = new ServerBench({ maxRequestsPerTurn: 10 })
  bench.onRequest = ({ exchange }) => exchange.respond(answer(404), true)
  await whereInputIsRead(() => bench.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1005)))
  deepEqual([bench.seen.length, bench.transport.paused], [10, true])
  let answers = ''
  for (let turns = 1; turns <= 100; turns++) {
    // One more read that was under way.
    if (turns === 50) bench.send('GET /last HTTP/1.1\r\nHost: a\r\n\r\n')
    answers += await bench.answers()
    equal(bench.seen.length, Math.min(1006, 10 * (turns + 1)))
  }
  answers += await bench.answers()
  equal(answers.split('HTTP/1.1 404 ').length - 1, 1006)
  deepEqual([bench.last().head.path, bench.transport.paused], ['/last', false])
})

test('case 7: of a hundred connections with hundreds of requests each, one turn handles the thread’s share', async () => {
  let begun = 0
  const benches = Array.from({ length: 100 }, () => {
    const bench = new ServerBench()
    bench.onRequest = ({ exchange }) => {
      begun++
      exchange.respond(answer(404), true)
    }
    return bench
  })
  await whereInputIsRead(() => {
    for (const bench of benches) bench.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(300))
  })
  // The first of each connection need not wait.
  ok(begun <= requestsPerTurn + benches.length, `${begun} in the first turn`)
  const late = new ServerBench()
  late.onRequest = ({ exchange }) => exchange.respond(answer(204), true)
  late.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  equal(late.seen.length, 1)
  while (begun < 30_000) {
    const before = begun
    await turn()
    ok(begun > before && begun <= before + requestsPerTurn, `${begun - before} in one turn`)
    const counts = benches.map(({ seen }) => seen.length)
    ok(Math.max(...counts) - Math.min(...counts) <= 72, 'some are far behind')
  }
})

test('case 8: a request line of a megabyte is refused long before its end', async () => {
  const bench = new ServerBench()
  let sentBytes = 0
  bench.send('GET /')
  for (; bench.refused.length === 0 && sentBytes < 1_000_000; sentBytes += 1000) bench.send('a'.repeat(1000))
  ok(sentBytes <= 17_000)
  ok((await bench.answers()).startsWith('HTTP/1.1 414 '))
  await refuses(`GET /${'a'.repeat(1_000_000)} HTTP/1.1\r\nHost: books\r\n\r\n`, 414)
})

test('case 9: no Host, two, an empty one, and one that is not the target’s are refused', async () => {
  for (const text of [
    'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.1\r\nHost:\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n',
    'GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n',
    'GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n',
    'GET http://b:80/ HTTP/1.1\r\nHost: b\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: b:1\r\n\r\n',
  ])
    await refuses(text, 400)
})

test('case 9: what a client sends as Host is the authority alone', async () => {
  const bench = new ClientBench()
  const fields = Fields.of(['host', 'other', 'a', 'b'])
  bench.client.request(requestHead({ authority: 'books', fields }), new Recorder(), true)
  equal(await bench.sent(), 'GET / HTTP/1.1\r\nhost: books\r\na: b\r\n\r\n')
})

test('case 11: a fragment is refused', async () => {
  await refuses('GET /admin#x HTTP/1.1\r\nHost: books\r\n\r\n', 400)
  await refuses('GET http://books/admin#x HTTP/1.1\r\nHost: books\r\n\r\n', 400)
})

test('case 19: a client that reads nothing of its answer holds its upstream back, and is closed', async () => {
  const bench = new ServerBench()
  bench.transport.keepsWrites = true
  bench.transport.roomy = false
  bench.send(behind)
  const { exchange, handler } = bench.last()
  exchange.respond(answer(200), false)
  const piece = Buffer.alloc(64 * 1024)
  let sentBytes = 0
  while (sentBytes < 10_000_000 && exchange.sendCopy(piece, 0, piece.length)) {
    sentBytes += piece.length
    await new Promise(setImmediate)
  }
  ok(sentBytes <= 2 * piece.length, 'told to wait')
  await bench.clock.advance(60_000)
  deepEqual(handler.take().at(-1), 'reset 8')
  deepEqual([bench.transport.destroyed, bench.clock.pending], [true, 0])
})

test('case 21: fields and targets that HTTP/2 brought can’t split an HTTP/1.1 request', async () => {
  const heads = [
    requestHead({ fields: Fields.of(['a', 'b\r\ncontent-length: 3']) }),
    requestHead({ fields: Fields.of(['a\r\nb', 'c']) }),
    requestHead({ path: '/ HTTP/1.1\r\nHost: other\r\n\r\n' }),
    requestHead({ method: 'GET / HTTP/1.1\r\nX:' }),
    requestHead({ authority: 'books\r\nX: y' }),
    requestHead({ protocol: 'websocket\r\nX: y' }),
    requestHead({ fields: Fields.of(['content-length', '3', 'content-length', '4']) }),
  ]
  for (const head of heads) {
    const bench = new ClientBench()
    const handler = new Recorder()
    bench.client.request(head, handler, false)
    equal(await bench.sent(), '')
    deepEqual(handler.take(), ['reset 1 unsent'])
  }
  const bench = new ClientBench()
  const fields = Fields.of([
    'transfer-encoding',
    'chunked',
    'connection',
    'x',
    'content-length',
    '2',
    'upgrade',
    'h2c',
  ])
  const exchange = bench.client.request(requestHead({ method: 'PUT', fields }), new Recorder(), false)
  exchange.sendCopy(Buffer.from('hi'), 0, 2)
  exchange.endWithTrailers()
  equal(await bench.sent(), 'PUT / HTTP/1.1\r\nhost: books\r\ncontent-length: 2\r\n\r\nhi')
})

test('case 22: a CONNECT with content is refused; what comes before its answer waits, bounded', async () => {
  await refuses('CONNECT db:1 HTTP/1.1\r\nHost: db:1\r\nContent-Length: 5\r\n\r\nhello', 400)
  await refuses('CONNECT db:1 HTTP/1.1\r\nHost: db:1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400)
  const bench = new ServerBench({ maxPipelinedBytes: 10_000 })
  bench.send(`CONNECT db:1 HTTP/1.1\r\nHost: db:1\r\n\r\n${behind}`)
  deepEqual([bench.transport.paused, bench.seen.length], [true, 1])
  bench.last().exchange.respond(answer(403), true)
  equal(bench.seen.length, 1, 'what was for the tunnel is no request')
  ok((await bench.answers()).includes('connection: close'))
  const flood = new ServerBench({ maxPipelinedBytes: 10_000 })
  flood.send('CONNECT db:1 HTTP/1.1\r\nHost: db:1\r\n\r\n')
  for (let i = 0; i < 20; i++) flood.send('x'.repeat(1000))
  deepEqual(
    [flood.last().handler.take(), flood.refused[0]?.reason],
    [['reset 11'], 'too many bytes behind a request'],
  )
})

test('case 23: bytes before the answer to an upgrade make it fail, and a refused upgrade is no tunnel', async () => {
  const upgrade = 'GET / HTTP/1.1\r\nHost: books\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'
  const early = new ServerBench()
  early.send(upgrade + behind)
  deepEqual([early.seen.length, early.last().handler.take()], [1, ['reset 1']])
  early.last().exchange.respond(answer(101), false)
  ok((await early.answers()).startsWith('HTTP/1.1 400 '))
  equal(early.transport.ended, true)
  const refusedByUs = new ServerBench()
  refusedByUs.send(upgrade)
  refusedByUs.last().exchange.respond(answer(403), true)
  refusedByUs.send(behind)
  deepEqual([refusedByUs.seen.length, refusedByUs.transport.ended], [1, true])
  const refusedByServer = new ClientBench()
  const handler = new Recorder()
  const exchange = refusedByServer.client.request(requestHead({ protocol: 'websocket' }), handler, false)
  refusedByServer.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  exchange.sendCopy(Buffer.from('x'), 0, 1)
  ok(!(await refusedByServer.sent()).includes('\r\n\r\nx'))
  equal(refusedByServer.closed, 1)
})

test('case 25: a head that comes an octet at a time is given up after its time', async () => {
  const bench = new ServerBench()
  bench.onRequest = ({ exchange }) => exchange.respond(answer(200), true)
  bench.send(behind)
  await bench.answers()
  for (let i = 0; i < 10; i++) {
    bench.send(behind.slice(i, i + 1))
    await bench.clock.advance(1000)
  }
  ok((await bench.answers()).startsWith('HTTP/1.1 408 '))
  equal(bench.transport.ended, true)
  await bench.clock.advance(1000)
  deepEqual([bench.transport.destroyed, bench.clock.pending], [true, 0])
})

test('case 25: a body that comes an octet in ten seconds is given up; one that we hold back is not', async () => {
  const head = post('Content-Length: 100000')
  const slow = new ServerBench()
  slow.send(head)
  for (let i = 0; i < 3; i++) {
    slow.send('x')
    await slow.clock.advance(10_000)
  }
  equal(slow.last().handler.take().at(-1), 'reset 8')
  ok((await slow.answers()).startsWith('HTTP/1.1 408 '))
  const held = new ServerBench({ maxUnconsumedBytes: 1000 })
  held.send(head + 'x'.repeat(2000))
  await held.clock.advance(300_000)
  deepEqual([held.refused, held.transport.ended], [[], false])
})

test('case 25: a client that neither ends nor reads is gone a second after us', async () => {
  const bench = new ServerBench()
  bench.send('BAD\r\n')
  for (let i = 0; i < 300; i++) bench.send('x'.repeat(1000))
  equal(bench.transport.destroyed, true, 'it sent too much for nobody')
  const silent = new ServerBench()
  silent.send('BAD\r\n')
  await silent.clock.advance(1000)
  equal(silent.transport.destroyed, true)
})
