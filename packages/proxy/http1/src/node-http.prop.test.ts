import { deepEqual, equal, ok } from 'node:assert/strict'
import { Agent, createServer, request as nodeRequest } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, Server } from 'node:http'
import { duplexPair } from 'node:stream'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'

import { TestProxy } from './test-proxy.ts'

/** What one side says, and the other has to hear. */
interface Message {
  readonly headers: Readonly<Record<string, string>>
  readonly pieces: readonly string[]
  readonly hasLength: boolean
  readonly trailers: Readonly<Record<string, string>>
}

interface Exchange {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly request: Message
  readonly answer: Message
}

const name = fc.stringMatching(/^x-[a-z]{1,8}$/)
const value = fc.stringMatching(/^([!-~\xa1-\xff]([ !-~]{0,20}[!-~])?)?$/)
const piece = fc.oneof(
  fc.string({ minLength: 1, maxLength: 100, unit: fc.constantFrom('a', '\r', '\n', '0', ';') }),
  fc.integer({ min: 1, max: 100_000 }).map((length) => 'x'.repeat(length)),
)
const message: fc.Arbitrary<Message> = fc.record({
  headers: fc.dictionary(name, value, { maxKeys: 5, noNullPrototype: true }),
  pieces: fc.array(piece, { maxLength: 4 }),
  hasLength: fc.boolean(),
  trailers: fc.dictionary(name, value, { maxKeys: 2, noNullPrototype: true }),
})
const exchange: fc.Arbitrary<Exchange> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'),
  path: fc.stringMatching(/^\/[!"$-~]{0,30}$/),
  status: fc.constantFrom(200, 201, 204, 304, 404, 500),
  request: message,
  answer: message,
})

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const each of incoming) pieces.push(each as Buffer)
  return Buffer.concat(pieces).toString('latin1')
}

function own(headers: IncomingHttpHeaders | NodeJS.Dict<string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key.startsWith('x-')))
}

interface Sink {
  write(text: string, encoding: 'latin1'): boolean
  end(): void
  addTrailers(headers: Record<string, string>): void
}

function say(sink: Sink, { pieces, hasLength, trailers }: Message): void {
  for (const each of pieces) sink.write(each, 'latin1')
  if (!hasLength) sink.addTrailers({ ...trailers })
  sink.end()
}

function headersOf({ headers, pieces, hasLength, trailers }: Message): Record<string, string> {
  const length = pieces.reduce((sum, each) => sum + each.length, 0)
  if (hasLength) return { ...headers, 'content-length': String(length) }
  const trailer = Object.keys(trailers).join(', ')
  return { ...headers, 'transfer-encoding': 'chunked', ...(trailer === '' ? {} : { trailer }) }
}

function hasBody({ method, status }: Exchange): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304
}

/** Node's client, our proxy, Node's server: three streams in a row. */
function chain(server: Server): { proxy: TestProxy; dial(): Duplex } {
  const proxy = new TestProxy(() => {
    const [near, far] = duplexPair()
    server.emit('connection', far)
    return near
  })
  return {
    proxy,
    dial() {
      const [near, far] = duplexPair()
      proxy.accept(far)
      return near
    },
  }
}

test('what Node’s client and server say to each other through both sides is what they hear', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(exchange, { minLength: 1, maxLength: 4 }), async (exchanges) => {
      const heard: unknown[] = []
      let next = 0
      const server = createServer((incoming, reply) => {
        const wanted = exchanges[next++]
        void bodyOf(incoming).then((body) => {
          heard.push({
            method: incoming.method,
            path: incoming.url,
            headers: own(incoming.headers),
            body,
            trailers: own(incoming.trailers),
          })
          if (wanted === undefined) return
          reply.sendDate = false
          reply.writeHead(wanted.status, hasBody(wanted) ? headersOf(wanted.answer) : wanted.answer.headers)
          say(reply, hasBody(wanted) ? wanted.answer : { ...wanted.answer, hasLength: true })
        })
      })
      const { proxy, dial } = chain(server)
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      // They act on TCP sockets.
      Object.assign(agent, {
        createConnection: dial,
        keepSocketAlive: () => true,
        reuseSocket: () => undefined,
      })
      for (const [index, each] of exchanges.entries()) {
        const { method, path } = each
        const [incoming, body] = await new Promise<[IncomingMessage, string]>((resolve, reject) => {
          const headers = { ...headersOf(each.request), host: 'books' }
          const message = nodeRequest({ agent, method, path, headers }, (answered) => {
            bodyOf(answered).then((text) => resolve([answered, text]), reject)
          })
          message.on('error', reject)
          say(message, each.request)
        })
        equal(incoming.statusCode, each.status)
        deepEqual(own(incoming.headers), { ...each.answer.headers })
        equal(body, hasBody(each) ? each.answer.pieces.join('') : '')
        if (hasBody(each) && !each.answer.hasLength)
          deepEqual(own(incoming.trailers), { ...each.answer.trailers })
        deepEqual(heard[index], {
          method,
          path,
          headers: { ...each.request.headers },
          body: each.request.pieces.join(''),
          trailers: each.request.hasLength ? {} : { ...each.request.trailers },
        })
      }
      proxy.close()
      agent.destroy()
    }),
    // Each attempt to shorten a failure would wait for what does not come.
    { numRuns: 150, endOnFailure: true },
  )
})

test('a large body goes through both sides with little on the way, however slow its reader', async () => {
  const bytes = 64 * 1024 * 1024
  let written = 0
  const server = createServer((_incoming, reply) => {
    reply.writeHead(200, { 'content-length': String(bytes) })
    const block = Buffer.alloc(64 * 1024, 0x61)
    const more = (): void => {
      while (written < bytes) {
        written += block.length
        if (!reply.write(block)) {
          reply.once('drain', more)
          return
        }
      }
      reply.end()
    }
    more()
  })
  const { proxy, dial } = chain(server)
  const incoming = await new Promise<IncomingMessage>((resolve) => {
    nodeRequest({ createConnection: () => dial(), headers: { host: 'books' } }, resolve).end()
  })
  for (let turns = 0; turns < 200; turns++) await new Promise(setImmediate)
  ok(written < 1024 * 1024, `${written} bytes left the server although nobody read`)
  let read = 0
  for await (const each of incoming) read += (each as Buffer).length
  equal(read, bytes)
  proxy.close()
})

test('a WebSocket goes through both sides', async () => {
  const server = createServer()
  server.on('upgrade', (_incoming, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
    socket.on('data', (bytes: Buffer) => socket.write(`<${bytes.toString()}>`))
    socket.on('end', () => socket.end())
  })
  const { proxy, dial } = chain(server)
  const socket = await new Promise<Duplex>((resolve, reject) => {
    const headers = { host: 'books', connection: 'Upgrade', upgrade: 'websocket' }
    const message = nodeRequest({ createConnection: () => dial(), headers })
    message.on('upgrade', (_answered, duplex, head) => {
      duplex.unshift(head)
      resolve(duplex)
    })
    message.on('response', () => reject(new Error('refused')))
    message.end()
  })
  socket.write('ping')
  let text = ''
  for await (const each of socket) {
    text += String(each)
    if (text.endsWith('>')) socket.end()
  }
  equal(text, 'hello<ping>')
  equal(proxy.open, 0)
})
