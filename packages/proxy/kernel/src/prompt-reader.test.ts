import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { errorCode } from '@tulle/core'
import { test } from 'node:test'
import { resetSocket, socketFd } from './node-handles.ts'
import { PromptReader } from './prompt-reader.ts'
import type { Landing } from './prompt-reader.ts'
import { listenPaused, pausedPair } from './testing/paused-pair.ts'

/** Keeps what lands, and tells when something did. */
class Landed implements Landing {
  readonly bytes: Buffer = Buffer.alloc(1024)
  text: string = ''
  #arrived: PromiseWithResolvers<void> = Promise.withResolvers()

  onRead(length: number): void {
    this.text += this.bytes.toString('latin1', 0, length)
    this.#arrived.resolve()
    this.#arrived = Promise.withResolvers()
  }

  async until(text: string): Promise<void> {
    while (this.text !== text) await this.#arrived.promise
  }
}

test('PromptReader: bytes land in its buffer, and the stream knows nothing of them', async () => {
  using sockets = await pausedPair()
  const landed = new Landed()
  new PromptReader(sockets.near, landed)
  sockets.far.write('one ')
  await landed.until('one ')
  sockets.far.write('two')
  await landed.until('one two')
  assert.equal(sockets.near.bytesRead, 0)
})

test('PromptReader: more than its buffer holds comes in several reads, in order', async () => {
  using sockets = await pausedPair()
  const landed = new Landed()
  new PromptReader(sockets.near, landed)
  const text = Array.from({ length: 2000 }, (_, index) => `${index},`).join('')
  sockets.far.write(text)
  await landed.until(text)
})

test('PromptReader: begins once its socket is connected', async () => {
  await using server = await listenPaused()
  const near = connect({ host: '127.0.0.1', port: server.port })
  near.pause()
  const landed = new Landed()
  new PromptReader(near, landed)
  const far = await server.accepted
  far.write('hello')
  await landed.until('hello')
  near.destroy()
  far.destroy()
})

test('PromptReader: what comes while it pauses waits in the kernel', async () => {
  using sockets = await pausedPair()
  using others = await pausedPair()
  const [landed, meanwhile] = [new Landed(), new Landed()]
  const reader = new PromptReader(sockets.near, landed)
  new PromptReader(others.near, meanwhile)
  reader.pause()
  sockets.far.write('later')
  // Two turns of the same epoll: in the first of them the paused one is seen, and let go.
  for (const text of ['a', 'ab']) {
    others.far.write(text.at(-1) ?? '')
    await meanwhile.until(text)
  }
  assert.equal(landed.text, '')
  reader.resume()
  await landed.until('later')
})

test('PromptReader: the stream tells the end of what the peer sends, and can be written to behind it', async () => {
  using sockets = await pausedPair()
  const landed = new Landed()
  new PromptReader(sockets.near, landed)
  const ended = once(sockets.near, 'end')
  sockets.far.end('last')
  await ended
  assert.equal(landed.text, 'last')
  const answered = once(sockets.far, 'data')
  sockets.near.write('answer')
  sockets.far.resume()
  assert.equal(String((await answered)[0]), 'answer')
})

test('PromptReader: an end is told once, whoever resumes it behind that', async () => {
  using sockets = await pausedPair()
  using others = await pausedPair()
  const meanwhile = new Landed()
  const reader = new PromptReader(sockets.near, new Landed())
  new PromptReader(others.near, meanwhile)
  let ends = 0
  sockets.near.on('end', () => ends++)
  const ended = once(sockets.near, 'end')
  sockets.far.end()
  await ended
  // Turns of the same epoll, in which an end can be read again.
  for (const text of ['a', 'ab']) {
    reader.resume()
    others.far.write(text.at(-1) ?? '')
    await meanwhile.until(text)
  }
  assert.equal(ends, 1)
})

test('PromptReader: a connection that was reset is closed, and told as no end', async () => {
  using sockets = await pausedPair()
  new PromptReader(sockets.near, new Landed())
  let ended = false
  sockets.near.on('end', () => (ended = true))
  const failed = once(sockets.near, 'error')
  const closed = new Promise((resolve) => sockets.near.once('close', resolve))
  resetSocket(sockets.far)
  const [error] = await failed
  assert.equal(errorCode(error), 'ECONNRESET')
  await closed
  assert.equal(ended, false)
})

test('PromptReader: reads nothing once its socket was destroyed, also where another has its number', async () => {
  await using server = await listenPaused()
  using sockets = await pausedPair()
  const before = new Landed()
  const reader = new PromptReader(sockets.near, before)
  const number = socketFd(sockets.near)
  sockets.far.write('too late')
  sockets.near.destroy()
  reader.resume()
  const next = connect({ host: '127.0.0.1', port: server.port })
  next.pause()
  await once(next, 'connect')
  assert.equal(socketFd(next), number, 'the lowest free number')
  const landed = new Landed()
  new PromptReader(next, landed)
  const far = await server.accepted
  far.write('its own')
  await landed.until('its own')
  assert.equal(before.text, '')
  next.destroy()
  far.destroy()
})
