/**
 * `client-process.ts KIND IP PORT COUNT`: opens connections of a kind, `idle`, `websocket` or `slow`, says `open` with how many and in how
 * many milliseconds, and says `again` after each line that it is told, with how many still answer.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { systemClock } from '@tulle/core'
import { acceptOf, decode, encodeClient, newKey } from './websocket.ts'

const [, , kind = '', host = '', port = '', count = ''] = process.argv
/** Connections that are being made at once: listeners' queues are no part of this. */
const concurrency = 64
const answerTimeoutMs = 30_000
/** Ten a second: the proxy may have been started just now. */
const startTries = 600
/** A slow reader takes so much at once, so that everything on the way is as wide as it gets. */
const fastBytes = 32 * 1024 * 1024

interface Conversation {
  /** Asks, and resolves when it is answered as it should be. */
  ask(): Promise<void>
}

function tryOpen(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), noDelay: true }, () => resolve(socket))
    socket.on('error', reject)
  })
}

/** Waits for who is not there yet. */
async function open(): Promise<Socket> {
  for (let tries = 0; ; tries++) {
    try {
      return await tryOpen()
    } catch (error) {
      const isAbsent = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
      if (!isAbsent || tries === startTries) throw error
      await systemClock.sleep(100)
    }
  }
}

/** Bytes until `enough` of them; what comes later waits for the next call. */
function receive<T>(socket: Socket, enough: (bytes: Buffer) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    let kept: Buffer = Buffer.alloc(0)
    const end = (): void => {
      timer[Symbol.dispose]()
      socket.off('data', onData)
      socket.off('close', onClose)
    }
    const onData = (bytes: Buffer): void => {
      kept = Buffer.concat([kept, bytes])
      const found = enough(kept)
      if (found === undefined) return
      end()
      resolve(found)
    }
    const fail = (why: string): void => {
      end()
      reject(new Error(why))
    }
    const onClose = (): void => fail('closed')
    const timer = systemClock.after(answerTimeoutMs, () => fail('no answer'))
    socket.on('data', onData)
    socket.on('close', onClose)
  })
}

async function idle(): Promise<Conversation> {
  const socket = await open()
  const ask = async (): Promise<void> => {
    const answer = receive(socket, (bytes) => (bytes.includes('\r\n\r\nok') ? String(bytes) : undefined))
    socket.write('GET / HTTP/1.1\r\nHost: capacity\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n')
    if (!(await answer).startsWith('HTTP/1.1 200')) throw new Error('not 200')
  }
  await ask()
  return { ask }
}

async function websocket(): Promise<Conversation> {
  const socket = await open()
  const key = newKey()
  const answer = receive(socket, (bytes) => (bytes.includes('\r\n\r\n') ? String(bytes) : undefined))
  socket.write(
    `GET /chat HTTP/1.1\r\nHost: capacity\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  )
  const head = await answer
  if (!head.startsWith('HTTP/1.1 101') || !head.includes(acceptOf(key))) throw new Error(`refused: ${head}`)
  let turn = 0
  const ask = async (): Promise<void> => {
    const text = `ping ${turn++}`
    const echoed = receive(socket, decode)
    socket.write(encodeClient(text))
    if ((await echoed).text !== text) throw new Error('another echo')
  }
  await ask()
  return { ask }
}

async function slow(): Promise<Conversation> {
  const socket = await open()
  socket.write('GET /large HTTP/1.1\r\nHost: capacity\r\n\r\n')
  const takeMore = (bytes: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const until = socket.bytesRead + bytes
      const onData = (): void => {
        if (socket.bytesRead < until) return
        socket.pause()
        socket.off('data', onData)
        resolve()
      }
      socket.on('data', onData)
      socket.once('close', () => reject(new Error('closed')))
      socket.resume()
    })
  await takeMore(fastBytes)
  return { ask: () => takeMore(1024 * 1024) }
}

const kinds: Readonly<Record<string, () => Promise<Conversation>>> = { idle, websocket, slow }

/** Runs all, so many at a time; how many succeeded, and the first reason of those that did not. */
async function runAll<T>(
  tasks: readonly (() => Promise<T>)[],
): Promise<{ done: T[]; failed: number; why: string }> {
  const done: T[] = []
  let failed = 0
  let why = ''
  let next = 0
  const worker = async (): Promise<void> => {
    for (let task = tasks[next++]; task !== undefined; task = tasks[next++]) {
      try {
        done.push(await task())
      } catch (error) {
        failed++
        if (why === '') why = String(error)
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return { done, failed, why }
}

const begin = kinds[kind]
if (begin === undefined) throw new Error(`expected one of ${Object.keys(kinds).join(', ')}, found ${kind}`)
const startedMs = performance.now()
const opened = await runAll(Array.from({ length: Number(count) }, () => begin))
const say = (what: string, good: number, sinceMs: number, why: string): void =>
  console.log(`${what} ${good} ${Math.round(performance.now() - sinceMs)} ${why}`)
say('open', opened.done.length, startedMs, opened.why)
for await (const _line of createInterface({ input: process.stdin })) {
  const askedMs = performance.now()
  const again = await runAll(opened.done.map(({ ask }) => ask))
  say('again', again.done.length, askedMs, again.why)
}
