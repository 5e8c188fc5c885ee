import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'

import { answer, ClientBench, Recorder, requestHead, ServerBench } from './test-support.ts'

const upgrade =
  'GET /chat HTTP/1.1\r\nHost: books\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n'
const connect = 'CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n'
const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n'

function bytes(text: string): [Buffer, number, number] {
  return [Buffer.from(text, 'latin1'), 0, text.length]
}

test('an upgrade becomes a tunnel with 101, and half-closes', async () => {
  const bench = new ServerBench()
  bench.send(upgrade)
  const { head, exchange, handler, end } = bench.last()
  deepEqual([head.protocol, end, handler.take()], ['websocket', false, []])
  exchange.respond(answer(101, 'sec-websocket-accept', 'y'), false)
  bench.send('ping')
  exchange.sendCopy(...bytes('pong'))
  equal(
    await bench.answers(),
    'HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: y\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\npong',
  )
  bench.connection.onTransportEnd()
  exchange.sendCopy(...bytes('!'))
  equal(await bench.answers(), '!')
  exchange.endWithTrailers()
  deepEqual(handler.take(), ['data ping', 'end'])
  deepEqual([bench.transport.ended, bench.closed, bench.clock.pending], [true, 1, 0])
})

test('a tunnel that we end first ends when the client does', () => {
  const bench = new ServerBench()
  bench.send(upgrade)
  const { exchange, handler } = bench.last()
  exchange.respond(answer(101), false)
  exchange.endWithTrailers()
  bench.send('late')
  deepEqual([bench.transport.ended, bench.closed], [true, 0])
  bench.connection.onTransportEnd()
  deepEqual([handler.take(), bench.closed], [['data late', 'end'], 1])
})

test('a tunnel that breaks is reset', () => {
  const bench = new ServerBench()
  bench.send(upgrade)
  bench.last().exchange.respond(answer(101), false)
  bench.connection.onTransportClose()
  deepEqual(bench.last().handler.take(), ['reset 8'])
})

test('a tunnel may be silent for any time, and pauses without credit', async () => {
  const bench = new ServerBench({ maxUnconsumedBytes: 100 })
  bench.send(upgrade)
  const { exchange, handler } = bench.last()
  exchange.respond(answer(101), false)
  await bench.clock.advance(3_600_000)
  bench.send('x'.repeat(200))
  ok(bench.transport.paused)
  exchange.consumed(200)
  ok(!bench.transport.paused)
  deepEqual(handler.take(), [`data ${'x'.repeat(200)}`])
})

test('an upgrade answered otherwise is an ordinary request, and the connection’s last', async () => {
  const bench = new ServerBench()
  bench.send(upgrade)
  bench.last().exchange.respond(answer(403), true)
  equal(await bench.answers(), 'HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
  equal(bench.transport.ended, true)
})

test('a CONNECT becomes a tunnel with 2xx; what was sent before waits', async () => {
  const bench = new ServerBench()
  bench.send(`${connect}early`)
  const { exchange, handler, head } = bench.last()
  deepEqual([head.method, head.authority, head.path, handler.take()], ['CONNECT', 'db:5432', '', []])
  ok(bench.transport.paused)
  exchange.respond(answer(200, 'content-length', '5'), false)
  ok(!bench.transport.paused)
  exchange.sendCopy(...bytes('hi'))
  equal(await bench.answers(), 'HTTP/1.1 200 OK\r\n\r\nhi')
  bench.send('later')
  deepEqual(handler.take(), ['data earlylater'])
})

test('a client’s upgrade becomes a tunnel with the 101 that was asked for', async () => {
  const bench = new ClientBench()
  const handler = new Recorder()
  const exchange = bench.client.request(requestHead({ protocol: 'websocket' }), handler, false)
  exchange.sendCopy(...bytes('too early'))
  equal(
    await bench.sent(),
    'GET / HTTP/1.1\r\nhost: books\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  )
  bench.send(`${switching}hello`, 7)
  equal(exchange.isTunnel, true)
  exchange.sendCopy(...bytes('ping'))
  equal(await bench.sent(), 'ping')
  exchange.endWithTrailers()
  equal(bench.transport.ended, true)
  bench.send('!')
  bench.client.onTransportEnd()
  deepEqual(handler.take(), ['response 101 [sec-websocket-accept=y]', 'data hello!', 'end'])
  equal(bench.closed, 1)
})

test('a 101 to another protocol, or to none, is refused', () => {
  for (const text of [
    switching.replace('websocket', 'h2c'),
    switching.replace('Connection: Upgrade\r\n', ''),
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  ]) {
    const bench = new ClientBench()
    const handler = new Recorder()
    bench.client.request(requestHead({ protocol: 'websocket' }), handler, false)
    bench.send(text)
    deepEqual([handler.take(), bench.closed], [['reset 1 unanswered'], 1])
  }
})

test('a client’s upgrade that is refused is an ordinary answer', () => {
  const bench = new ClientBench()
  const handler = new Recorder()
  bench.client.request(requestHead({ protocol: 'websocket' }), handler, false)
  bench.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
  deepEqual(handler.take(), ['response 403 [content-length=2]', 'data no', 'end'])
  deepEqual([bench.closed, bench.idle], [1, 0])
})

test('a client’s CONNECT becomes a tunnel with 2xx, whose framing fields mean nothing', async () => {
  const bench = new ClientBench()
  const handler = new Recorder()
  const head = requestHead({ method: 'CONNECT', authority: 'db:5432', path: '' })
  const exchange = bench.client.request(head, handler, false)
  bench.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nhello')
  exchange.sendCopy(...bytes('hi'))
  equal(await bench.sent(), 'CONNECT db:5432 HTTP/1.1\r\nhost: db:5432\r\n\r\nhi')
  bench.client.onTransportEnd()
  exchange.endWithTrailers()
  deepEqual([handler.take(), bench.closed], [['response 200 []', 'data hello', 'end'], 1])
})
