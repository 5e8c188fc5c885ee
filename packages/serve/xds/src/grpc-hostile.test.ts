/** What a peer can make of gRPC: text that cannot be said in a header, and many messages in little. */
import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { must, seededRng, TestClock } from '@tulle/core'
import { GrpcServer } from './grpc-server.ts'
import { ByteBudget, MessageFrames } from './message-frames.ts'

const details = { 'half a character': 'found \u{1F4DA}'.slice(0, 7), 'a long text': 'ü'.repeat(100_000) }

for (const [what, text] of Object.entries(details)) {
  test(`a call that ends with ${what} ends with its status, and the server goes on`, async () => {
    const methods = {
      '/t/Ends': (call: { end(code: status, details: string): void }): void =>
        call.end(status.NOT_FOUND, text),
    }
    using server = new GrpcServer(
      { methods, maxMessageBytes: 100 },
      { clock: new TestClock(), rng: seededRng(1) },
    )
    const port = await server.listen('127.0.0.1', 0)
    const session = connect(`http://127.0.0.1:${port}`)
    for (let round = 0; round < 2; round++) {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/t/Ends',
        'content-type': 'application/grpc',
      })
      const headers = await new Promise<Readonly<Record<string, unknown>>>((resolve, reject) =>
        stream.once('response', resolve).once('error', reject),
      )
      assert.equal(headers['grpc-status'], String(status.NOT_FOUND))
      stream.destroy()
    }
    session.destroy()
  })
}

test('MessageFrames cuts thousands of small messages out of one chunk without a copy of it for each', () => {
  const count = 3000
  const chunk = Buffer.concat(Array.from({ length: count }, () => Buffer.from('0000000000', 'hex')))
  const budget = new ByteBudget(chunk.length)
  const frames = new MessageFrames(100, budget)
  const messages = must(frames.push(chunk))
  assert.equal(messages.length, count)
  assert.equal(budget.heldBytes, 0)
  const buffers = new Set(messages.map((message) => message.buffer))
  assert.equal(buffers.size, 1)
})
