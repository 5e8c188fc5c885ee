import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { Http2Call } from './grpc-call.ts'
import { ByteBudget } from './message-frames.ts'

/** A call whose caller has a window of 64 KiB and reads only when told to. */
async function setUp() {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const client = connect(`http://127.0.0.1:${address.port}`)
  const accepted: Promise<ServerHttp2Stream> = once(server, 'stream').then(([stream]) => stream)
  const request = client.request({ ':method': 'POST', 'content-type': 'application/grpc' })
  const stream = await accepted
  const limits = { maxMessageBytes: 1024, budget: new ByteBudget(1024) }
  const call = new Http2Call(stream, {}, limits, () => undefined)
  call.listen({ onMessage: () => undefined, onEnd: () => undefined })
  const close = async (): Promise<void> => {
    client.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { call, stream, request, [Symbol.asyncDispose]: close }
}

const part = Buffer.alloc(64 * 1024, 7)

test('case 19: Http2Call gives a slow caller a batch of a large message at a time, and in the end all of it in order', async () => {
  await using peer = await setUp()
  const { call, stream, request } = peer
  call.send(Array.from({ length: 100 }, () => part))
  call.send([Buffer.from('behind')])
  await once(request, 'response')
  assert.ok(stream.writableLength <= 5 * part.length, `${stream.writableLength} bytes wait in the stream`)
  let bytes = 0
  let tail = Buffer.alloc(0)
  for await (const chunk of request) {
    bytes += chunk.length
    tail = Buffer.concat([tail, chunk]).subarray(-6)
    assert.ok(stream.writableLength <= 5 * part.length)
    if (bytes === 5 + 100 * part.length + 5 + 6) break
  }
  assert.equal(tail.toString(), 'behind')
})

async function bytesUntilEnd(code: status): Promise<number> {
  await using peer = await setUp()
  const { call, request } = peer
  call.send(Array.from({ length: 100 }, () => part))
  call.end(code, 'over')
  const trailers = once(request, 'trailers')
  let bytes = 0
  for await (const chunk of request) bytes += chunk.length
  const [{ 'grpc-status': received }] = await trailers
  assert.equal(received, String(code))
  return bytes
}

test('Http2Call ends behind all that was sent where that is well, and drops what waits where it is not', async () => {
  assert.equal(await bytesUntilEnd(status.OK), 5 + 100 * part.length)
  assert.ok((await bytesUntilEnd(status.ABORTED)) < 6 * part.length)
})
