/**
 * A workload for tests. It greets, echoes and digests on its ports, and does what it is asked to on a unix socket
 * (AGENT_SOCKET): calls others, keeps connections, sends bulk. It knows nothing of the mesh.
 */
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { systemClock } from '@tulle/core'
import type { AgentReplies, AgentRequests, AgentVerb, Outcome, Place } from './agent-types.ts'
import { Traffic } from './agent-traffic.ts'
import { Conversation } from './conversation.ts'

const name = process.env['WORKLOAD'] ?? ''
const socketPath = process.env['AGENT_SOCKET'] ?? ''
const chunkBytes = 64 * 1024

type Handlers = {
  readonly [Verb in AgentVerb]: (request: AgentRequests[Verb]) => Promise<AgentReplies[Verb]>
}

const kept = new Map<string, Conversation>()
let traffic: Traffic | undefined

const handlers: Handlers = {
  who: async () => ({ name }),
  call: async (place) => {
    const conversation = new Conversation(place)
    const outcome = await conversation.greeting()
    conversation.end()
    return outcome
  },
  open: async ({ id, ...place }) => {
    const conversation = new Conversation(place)
    kept.set(id, conversation)
    return conversation.greeting()
  },
  echo: async ({ id, text: line }) => kept.get(id)?.echo(line) ?? unknown(id),
  closed: async ({ id }) => kept.get(id)?.closed() ?? { closed: true, error: 'unknown' },
  close: async ({ id }) => {
    kept.get(id)?.end()
    kept.delete(id)
    return {}
  },
  bulk: sendBulk,
  digest: sendDigest,
  udp: askUdp,
  startTraffic: async (plan) => {
    traffic = new Traffic(plan)
    await traffic.begun()
    return {}
  },
  traffic: async () => ({ records: traffic?.take() ?? [] }),
  stopTraffic: async () => {
    const last = traffic
    traffic = undefined
    await last?.stop()
    return { records: last?.take() ?? [] }
  },
}

function unknown(id: string): Outcome {
  return { ok: false, peer: '', at: '', text: '', error: `no connection ${id}` }
}

/** Sends many bytes, half-closes, and reads back as many: their digests must be equal. */
async function sendBulk({ host, port, bytes }: Place & { bytes: number }): Promise<AgentReplies['bulk']> {
  const socket = connect({ host, port, allowHalfOpen: true })
  const received = createHash('sha256')
  let count = 0
  let greeting = true
  const reading = (async (): Promise<void> => {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      const from: number = greeting ? chunk.indexOf('\n') + 1 : 0
      greeting &&= from === 0
      received.update(chunk.subarray(from))
      count += chunk.length - from
    }
  })()
  const sent = await pump(socket, bytes)
  await reading
  return { sent, received: received.digest('hex'), bytes: count }
}

async function sendDigest({ host, port, bytes }: Place & { bytes: number }): Promise<AgentReplies['digest']> {
  const socket = connect({ host, port, allowHalfOpen: true })
  const answer = text(socket)
  const sent = await pump(socket, bytes)
  return { sent, answer: await answer }
}

/** Writes with back-pressure, then ends this direction only. */
async function pump(socket: Socket, bytes: number): Promise<string> {
  const hash = createHash('sha256')
  for (let left = bytes, i = 0; left > 0; i++) {
    const chunk = Buffer.alloc(Math.min(left, chunkBytes), i)
    chunk.writeUInt32LE(i)
    hash.update(chunk)
    left -= chunk.length
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
  socket.end()
  return hash.digest('hex')
}

async function askUdp(request: AgentRequests['udp']): Promise<AgentReplies['udp']> {
  const socket = createSocket('udp4')
  const answer = new Promise<string | undefined>((resolve) => {
    socket.on('message', (message) => resolve(message.toString()))
    socket.on('error', () => resolve(undefined))
    systemClock.after(request.withinMs, () => resolve(undefined))
    // Said again and again: a datagram may get lost, and the question is whether any passes.
    const say = (): void => socket.send(request.text, request.port, request.host)
    say()
    const again = systemClock.every(50, say)
    socket.on('close', () => again[Symbol.dispose]())
  })
  const found = await answer
  socket.close()
  return { answer: found }
}

function serve(): void {
  const greeting = (socket: Socket): string => `${JSON.stringify({ peer: socket.remoteAddress, at: name })}\n`
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.write(greeting(socket))
    socket.pipe(socket)
  }).listen(8080)
  createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256')
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => hash.update(chunk))
    socket.on('end', () => socket.end(hash.digest('hex')))
  }).listen(8081)
  for (const port of (process.env['UDP_PORTS'] ?? '').split(',').filter((item) => item !== '')) {
    const socket = createSocket('udp4')
    socket.on('message', (message, from) => socket.send(message, from.port, from.address))
    socket.bind(Number(port))
  }
}

function control(): void {
  rmSync(socketPath, { force: true })
  createHttpServer((request, response) => {
    const verb = (request.url ?? '').slice(1) as AgentVerb
    void text(request)
      // The test's own client sends what AgentRequests says.
      .then((body) => (handlers[verb] as (request: unknown) => Promise<unknown>)(JSON.parse(body)))
      .then(
        (answer) => response.end(JSON.stringify(answer)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  }).listen(socketPath)
}

process.on('SIGTERM', () => process.exit(0))
serve()
control()
console.log(`agent ${name}`)
