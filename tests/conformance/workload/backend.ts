import { createServer as createHttp1 } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { createServer as createHttps } from 'node:https'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { createSocket } from 'node:dgram'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '@tulle/core'
import { decodeMessage, encodeMessage } from './grpc-message.ts'
import { instructions } from './protocol.ts'
import type { Pairs, Received } from './protocol.ts'
import type { ServerCertificate } from './tls-material.ts'

const http2Preface = Buffer.from('PRI * HTTP/2.0')
const maxBodyBytes = 1024 ** 2
/** More ids than any case has; the oldest go. */
const maxIds = 4096

type HowToAnswer = { readonly status: number | 'close'; readonly delayMs: number; readonly headers: Pairs }

/** Answers each request with what it received, to the byte where a protocol lets one see bytes. */
export class Backend {
  readonly #name: string
  readonly #clock: Clock
  readonly #byId: Map<string, Received[]> = new Map()

  constructor(name: string, clock: Clock) {
    this.#name = name
    this.#clock = clock
  }

  received(id: string): readonly Received[] {
    return this.#byId.get(id) ?? []
  }

  /** HTTP/1.1, and HTTP/2 by prior knowledge, on one port: the first bytes say which. */
  listenHttp(port: number): void {
    const http1 = createHttp1({ insecureHTTPParser: false }, (request, response) =>
      this.#onHttp1(request, response, port),
    )
    http1.on('upgrade', (request: IncomingMessage, socket: Socket) => upgrade(request, socket))
    const http2 = createHttp2()
    http2.on('sessionError', () => undefined)
    http2.on('stream', (stream, _headers, _flags, raw) => {
      // Node hands the list of names and values over as its fourth argument.
      this.#onHttp2(stream as ServerHttp2Stream, raw as unknown as readonly string[], port)
    })
    createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.once('data', (first: Buffer) => {
        socket.pause()
        socket.unshift(first)
        const isHttp2 = http2Preface.subarray(0, first.length).equals(first.subarray(0, http2Preface.length))
        ;(isHttp2 ? http2 : http1).emit('connection', socket)
        if (!isHttp2) socket.resume()
      })
    }).listen(port)
  }

  /** HTTP/1.1 over TLS. What it was asked for stands among the headers that it says it received. */
  listenHttps(port: number, certificate: ServerCertificate): void {
    createHttps({ ...certificate }, (request, response) => {
      const { servername } = request.socket as TLSSocket
      if (typeof servername === 'string') request.rawHeaders.push('x-tls-server-name', servername)
      this.#onHttp1(request, response, port)
    }).listen(port)
  }

  /** Greets, as servers do that speak first, then echoes. */
  listenTcp(port: number): void {
    createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.write(`${this.#name}\n`)
      socket.pipe(socket)
    }).listen(port)
  }

  listenUdp(port: number): void {
    const socket = createSocket('udp4')
    socket.on('message', (message, from) => socket.send(message, from.port, from.address))
    socket.bind(port)
  }

  #onHttp1(request: IncomingMessage, response: ServerResponse, port: number): void {
    readBody(request, (body) => {
      const headers = pairsOf(request.rawHeaders)
      const received: Received = {
        by: this.#name,
        port,
        version: request.httpVersion === '1.0' ? '1.0' : '1.1',
        method: request.method ?? '',
        target: request.url ?? '',
        authority: request.headers.host ?? '',
        headers,
        body: body.toString(),
      }
      const how = this.#note(received)
      this.#later(how.delayMs, () => {
        if (how.status === 'close') request.socket.destroy()
        else {
          const flat = [...how.headers, ['content-type', 'application/json'] as const].flat()
          response.writeHead(how.status, flat).end(JSON.stringify(received))
        }
      })
    })
  }

  #onHttp2(stream: ServerHttp2Stream, raw: readonly string[], port: number): void {
    stream.on('error', () => undefined)
    const all = pairsOf(raw)
    const pseudo = (name: string): string => all.find(([key]) => key === name)?.[1] ?? ''
    const headers = all.filter(([name]) => !name.startsWith(':'))
    const isGrpc = headers.some(
      ([name, value]) => name === 'content-type' && value.startsWith('application/grpc'),
    )
    readBody(stream, (body) => {
      const received: Received = {
        by: this.#name,
        port,
        version: '2.0',
        method: pseudo(':method'),
        target: pseudo(':path'),
        authority: pseudo(':authority'),
        headers,
        body: (isGrpc ? decodeMessage(body) : body).toString(),
      }
      const how = this.#note(received)
      this.#later(how.delayMs, () => {
        if (stream.destroyed) return
        if (how.status === 'close') stream.session?.destroy()
        else if (isGrpc) answerGrpc(stream, how, received)
        else {
          stream.respond({
            ':status': how.status,
            'content-type': 'application/json',
            ...grouped(how.headers),
          })
          stream.end(JSON.stringify(received))
        }
      })
    })
  }

  #note(received: Received): HowToAnswer {
    const said = (name: string): readonly string[] =>
      received.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value)
    const id = said(instructions.id)[0] ?? ''
    const all = this.#byId.get(id) ?? []
    this.#byId.delete(id)
    this.#byId.set(id, [...all, received])
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size <= maxIds) break
      this.#byId.delete(oldest)
    }
    const nth = (name: string): string | undefined => {
      const items = said(name)[0]?.split(',')
      return items?.[Math.min(all.length, items.length - 1)]?.trim()
    }
    const status = nth(instructions.statuses) ?? '200'
    return {
      status: status === 'close' ? 'close' : Number(status),
      delayMs: Number(nth(instructions.delaysMs) ?? '0'),
      headers: said(instructions.header).map((text) => {
        const colon = text.indexOf(':')
        return [text.slice(0, colon), text.slice(colon + 1).trim()]
      }),
    }
  }

  #later(delayMs: number, run: () => void): void {
    if (delayMs > 0) this.#clock.after(delayMs, run)
    else run()
  }
}

/** The HTTP status says that gRPC was spoken; what came of the call is in the trailers, and 200 here means 0 there. */
function answerGrpc(stream: ServerHttp2Stream, how: HowToAnswer, received: Received): void {
  const code = how.status === 200 ? '0' : String(how.status)
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', ...grouped(how.headers) },
    { waitForTrailers: true },
  )
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': code }))
  stream.end(encodeMessage(JSON.stringify(received)))
}

function upgrade(request: IncomingMessage, socket: Socket): void {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`,
  )
  socket.pipe(socket)
}

function readBody(stream: IncomingMessage | ServerHttp2Stream, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= maxBodyBytes) chunks.push(chunk)
  })
  stream.on('end', () => done(Buffer.concat(chunks)))
}

export function pairsOf(flat: readonly string[]): Pairs {
  return Array.from(
    { length: flat.length / 2 },
    (_, i) => [flat[2 * i] ?? '', flat[2 * i + 1] ?? ''] as const,
  )
}

export function grouped(pairs: Pairs): IncomingHttpHeaders {
  const all: Record<string, string[]> = {}
  for (const [name, value] of pairs) (all[name.toLowerCase()] ??= []).push(value)
  return all as IncomingHttpHeaders
}
