import { deepEqual, ok } from 'node:assert/strict'
import { createServer, METHODS, request as nodeRequest } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import { duplexPair } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'

import { answer, ClientBench, Recorder, requestHead, ServerBench, turn } from './test-support.ts'
import { damaged, request, response } from './test-messages.ts'

/** A message as one of the two read it. Fields that concern one connection only are left out. */
interface Reading {
  readonly begin: string
  readonly fields: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
}

const runs = { numRuns: 1500 }
const notKept = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'host',
])

/** What our server reads to its end. */
function ourRequests(input: string, pieceBytes: number): Reading[] {
  const bench = new ServerBench()
  const readings: Reading[] = []
  bench.onRequest = ({ head, exchange, handler }) => {
    const { method, path, authority, version } = head
    const begin = `${method} ${path} ${authority.toLowerCase()} ${version}`
    const fields = [...head.fields.list()]
    handler.onEnd = (trailers) => {
      const body = handler.events.map((event) => event.slice('data '.length)).join('')
      readings.push({ begin, fields, body, trailers: [...(trailers?.list() ?? [])] })
      exchange.respond(answer(200), true)
    }
  }
  bench.send(input, pieceBytes)
  return readings
}

/** Of an absolute target what we would pass on: the part behind its authority. */
function originForm(method: string, url: string): string {
  const rest = /^http:\/\/[^/?]*(.*)$/i.exec(url)?.[1]
  if (rest === undefined) return url
  return rest === '' ? (method === 'OPTIONS' ? '*' : '/') : rest.startsWith('?') ? `/${rest}` : rest
}

function fieldsOf(raw: readonly string[], nominated: string): string[] {
  const named = new Set(nominated.split(',').map((name) => name.trim().toLowerCase()))
  const fields: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    if (!notKept.has(name) && !named.has(name)) fields.push(name, raw[i + 1] ?? '')
  }
  return fields
}

async function readBody(message: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of message) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('latin1')
}

async function nodeReading(message: IncomingMessage, begin: string): Promise<Reading> {
  const nominated = message.headers.connection ?? ''
  const fields = fieldsOf(message.rawHeaders, nominated)
  const body = await readBody(message)
  return { begin, fields, body, trailers: fieldsOf(message.rawTrailers, '') }
}

/** What Node's server reads to its end, up to so many. */
async function nodeRequests(input: string, count: number): Promise<Reading[]> {
  const readings: Reading[] = []
  let arrived = 0
  let complete = 0
  const server: Server = createServer({ requireHostHeader: false }, (message, reply) => {
    const { method = '', url = '', httpVersion, headers } = message
    const begin = `${method} ${originForm(method, url)} ${(headers.host ?? '').toLowerCase()} ${httpVersion}`
    // They may come to their ends in another order.
    const place = arrived++
    void nodeReading(message, begin).then(
      (reading) => {
        readings[place] = reading
        complete++
        reply.end()
      },
      () => reply.destroy(),
    )
  })
  // Not at once: what it had read before is still on its way to us.
  server.on('clientError', (_error, socket) => setImmediate(() => setImmediate(() => socket.destroy())))
  const [near, far] = duplexPair()
  server.emit('connection', far)
  near.on('error', () => undefined).resume()
  near.write(Buffer.from(input, 'latin1'))
  for (let turns = 0; turns < 100 && complete < count && !far.destroyed; turns++) await turn()
  near.destroy()
  return readings.slice(0, count)
}

/** Methods of our grammar that Node does not know are its own limit. */
function isKnown({ begin }: Reading): boolean {
  return METHODS.includes(begin.slice(0, begin.indexOf(' ')))
}

test('whatever our server accepts, Node’s reads the same', async () => {
  let compared = 0
  await fc.assert(
    fc.asyncProperty(damaged(request, 3), async (input) => {
      const ours = ourRequests(input, Infinity)
      const known = ours.slice(0, ours.findIndex((reading) => !isKnown(reading)) >>> 0)
      if (known.length === 0) return
      compared++
      deepEqual(await nodeRequests(input, known.length), known)
    }),
    runs,
  )
  ok(compared > runs.numRuns / 5, `only ${compared} inputs were accepted`)
})

test('our server reads the same, wherever its input is split', async () => {
  await fc.assert(
    fc.asyncProperty(damaged(request, 3), fc.integer({ min: 1, max: 40 }), async (input, pieceBytes) => {
      deepEqual(ourRequests(input, pieceBytes), ourRequests(input, Infinity))
      // One turn has no room for all of them.
      await turn()
    }),
    runs,
  )
})

function ourResponse(input: string, pieceBytes: number): Reading | undefined {
  const bench = new ClientBench()
  const handler = new Recorder()
  let reading: Reading | undefined
  let begin = ''
  let fields: string[] = []
  handler.onResponse = (head) => {
    begin = String(head.status)
    fields = [...head.fields.list()]
  }
  handler.onEnd = (trailers) => {
    const body = handler.events.map((event) => (event.startsWith('data ') ? event.slice(5) : '')).join('')
    reading = { begin, fields, body, trailers: [...(trailers?.list() ?? [])] }
  }
  bench.client.request(requestHead(), handler, true)
  bench.send(input, pieceBytes)
  bench.client.onTransportEnd()
  return reading
}

async function nodeResponse(input: string): Promise<Reading | undefined> {
  const [near, far] = duplexPair()
  const message = nodeRequest({ createConnection: () => near, headers: { connection: 'keep-alive' } })
  const reading = new Promise<Reading | undefined>((resolve) => {
    message.on('response', (incoming) => {
      nodeReading(incoming, String(incoming.statusCode)).then(resolve, () => resolve(undefined))
    })
    message.on('error', () => resolve(undefined))
    message.on('close', () => setImmediate(() => resolve(undefined)))
  })
  message.end()
  far.on('error', () => undefined).resume()
  far.end(Buffer.from(input, 'latin1'))
  return reading
}

test('whatever answer our client accepts, Node’s reads the same', async () => {
  let compared = 0
  await fc.assert(
    fc.asyncProperty(damaged(response, 1), async (input) => {
      const ours = ourResponse(input, Infinity)
      // With bytes behind the answer we end the connection, and Node gives up the answer too.
      if (ours === undefined || ourResponse(input.slice(0, -1), Infinity) !== undefined) return
      compared++
      deepEqual(await nodeResponse(input), ours)
    }),
    runs,
  )
  ok(compared > runs.numRuns / 5, `only ${compared} inputs were accepted`)
})

test('our client reads the same, wherever its input is split', () => {
  fc.assert(
    fc.property(damaged(response, 1), fc.integer({ min: 1, max: 40 }), (input, pieceBytes) => {
      deepEqual(ourResponse(input, pieceBytes), ourResponse(input, Infinity))
    }),
    runs,
  )
})
