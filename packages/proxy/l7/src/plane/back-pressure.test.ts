import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectHttp2 } from 'node:http2'
import { describe, it } from 'node:test'
import { entry, rule } from '../routing/test-requests.ts'
import { okAnswer, proxyIp, RawBackend, TestProxy } from './test-proxy.ts'

const toBackend = [entry({}, rule('back'))]
const chunk = Buffer.alloc(64 * 1024, 'x')
/** What sockets of the kernel and of this test hold between two ends, far below what is sent. */
const maxHeldBytes = 24 * 1024 * 1024
const total = 96 * 1024 * 1024

/** Writes as much as is taken; resolves when nothing was taken for some turns of the loop. */
async function fill(socket: Socket): Promise<void> {
  let quiet = 0
  for (let written = 0; written < total && quiet < 200;) {
    const before = socket.writableLength
    if (before < 4 * chunk.length) {
      socket.write(chunk)
      written += chunk.length
      quiet = 0
    } else quiet++
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('back-pressure', () => {
  it('a client that does not read holds its endpoint back', async () => {
    const answering = Promise.withResolvers<Socket>()
    await using back = await RawBackend.listen((_text, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`)
      answering.resolve(socket)
    })
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const client = connect({ host: proxyIp, port: proxy.port })
    client.pause()
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const socket = await answering.promise
    await fill(socket)
    assert.ok(
      socket.bytesWritten - socket.writableLength < maxHeldBytes,
      `${socket.bytesWritten} bytes were taken`,
    )
    // And goes on when it reads.
    const before = socket.bytesWritten
    client.resume()
    await once(socket, 'drain')
    await fill(socket)
    assert.ok(socket.bytesWritten > before)
    client.destroy()
  })

  it('an endpoint that does not read holds its client back', async () => {
    const asked = Promise.withResolvers<Socket>()
    await using back = await RawBackend.listen((_text, socket) => {
      socket.pause()
      asked.resolve(socket)
    })
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const client = connect({ host: proxyIp, port: proxy.port })
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`)
    await asked.promise
    await fill(client)
    assert.ok(
      client.bytesWritten - client.writableLength < maxHeldBytes,
      `${client.bytesWritten} bytes were taken`,
    )
    client.destroy()
  })

  it('one stream that is not read holds up no other of its session', async () => {
    await using back = await RawBackend.listen((text, socket) => {
      if (text.includes('GET /large')) {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`)
        void fill(socket)
      } else socket.write(okAnswer)
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
    })
    const session = connectHttp2(`http://${proxyIp}:${proxy.port}`)
    const large = session.request({ ':path': '/large' })
    await once(large, 'response')
    large.pause()
    const small = session.request({ ':path': '/small' })
    let text = ''
    for await (const piece of small) text += String(piece)
    assert.equal(text, 'ok')
    session.destroy()
  })

  it('a client that leaves a tunnel whose other half has ended leaves nothing behind', async () => {
    const switched = 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
    await using back = await RawBackend.listen((_text, socket) => void socket.end(switched))
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const client = connect({ host: proxyIp, port: proxy.port, allowHalfOpen: true })
    client.on('error', () => undefined)
    client.resume()
    client.write('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    await once(client, 'end')
    client.resetAndDestroy()
    assert.equal(await proxy.worker.drain(5000), 0)
    assert.match(proxy.logged[0] ?? '', /"status":101/u)
  })

  it('a client that leaves ends its request at the endpoint', async () => {
    const asked = Promise.withResolvers<Socket>()
    await using back = await RawBackend.listen((_text, socket) => asked.resolve(socket))
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const client = connect({ host: proxyIp, port: proxy.port })
    client.on('error', () => undefined)
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const socket = await asked.promise
    client.resetAndDestroy()
    await once(socket, 'close')
    await proxy.worker.flushLog()
    assert.match(proxy.logged[0] ?? '', /"flags":"DC"/u)
  })
})
