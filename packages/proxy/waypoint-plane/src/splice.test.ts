import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forwarding } from './splice.ts'
import { StreamLink } from './stream-link.ts'
import { TestStream } from './test-stream.ts'

interface Side {
  readonly link: StreamLink
  readonly stream: TestStream
}

function sides(): readonly [Side, Side] {
  const client = { link: new StreamLink(), stream: new TestStream() }
  const server = { link: new StreamLink(), stream: new TestStream() }
  client.link.attachUser(forwarding(client.link, server.link))
  server.link.attachUser(forwarding(server.link, client.link))
  client.link.attachStream(client.stream)
  return [client, server]
}

function say({ link }: Side, text: string): void {
  const bytes = Buffer.from(text)
  link.onData(bytes, 0, bytes.length)
}

test('a client that talks while its connection is made is read again once that is there', () => {
  const [client, server] = sides()
  say(client, 'first ')
  say(client, 'second')
  assert.equal(client.stream.credit, 6)
  server.link.attachStream(server.stream)
  assert.deepEqual([server.stream.sent, client.stream.credit], ['first second', 12])
})

test('the slower side sets the pace', () => {
  const [client, server] = sides()
  server.stream.window = 4
  server.link.attachStream(server.stream)
  say(client, '123456')
  say(client, '78')
  assert.deepEqual([server.stream.sent, client.stream.credit], ['1234', 6])
  server.stream.window = 100
  server.link.onWritable()
  assert.deepEqual([server.stream.sent, client.stream.credit], ['12345678', 8])
})

test('halves end by themselves; what breaks on one side breaks the other', async () => {
  const [client, server] = sides()
  server.link.attachStream(server.stream)
  say(client, 'question')
  client.link.onEnd()
  assert.equal(server.stream.ended, true)
  say(server, 'answer')
  assert.deepEqual([client.stream.sent, client.stream.ended], ['answer', false])
  server.link.onReset(8)
  await new Promise<void>((resolve) => queueMicrotask(resolve))
  assert.notEqual(client.stream.resetWith, undefined)
})
