import { once } from 'node:events'
import { chmod, unlink } from 'node:fs/promises'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { errorCode, errorText, linkedController, MeshError } from '@tulle/core'
import type { Clock, LinkedController } from '@tulle/core'
import type { Component } from './component.ts'
import type { Log } from './log.ts'
import { nextTurn } from './next-turn.ts'

// Imported as a module, node:http loads undici for its WebSocket: 7 MB and 60 ms for nothing.
const { createServer } = process.getBuiltinModule('node:http')

export type AdminErrorCode = 'ADMIN_SOCKET_IN_USE' | 'ADMIN_SOCKET_PATH_TOO_LONG' | 'ADMIN_LISTEN_FAILED'

export interface AdminRequest {
  readonly path: string
  readonly query: URLSearchParams
  /** The Accept field; empty: there is none. */
  readonly accept: string
  /** Aborts when the peer goes, or the server ends. */
  readonly signal: AbortSignal
}

/** What a handler answers. */
export type AdminReply =
  | { readonly kind: 'json'; readonly value: unknown }
  /** NDJSON: one value a line, as fast as the peer reads. */
  | { readonly kind: 'lines'; readonly values: AsyncIterable<unknown> }
  | {
      readonly kind: 'text'
      readonly text: Iterable<string>
      readonly contentType: string
      readonly status?: number
    }
  /** Becomes `{"code":…,"message":…}`. */
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message: string }

/** A GET changes nothing. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST'
  /** Exact. */
  readonly path: string
  readonly handle: (request: AdminRequest) => AdminReply | Promise<AdminReply>
}

export interface AdminServerOptions {
  readonly name?: string
  /** A unix socket (made 0600; a stale one is replaced), or a TCP address; port 0 = any. */
  readonly listen: { readonly socketPath: string } | { readonly host: string; readonly port: number }
  readonly routes: readonly AdminRoute[]
}

export interface AdminServerDeps {
  readonly clock: Clock
  readonly log: Log
}

export interface AdminServer extends Component {
  /** The TCP port listened on, once started; 0 for a unix socket. */
  readonly port: number
}

/** A request that a handler could not make sense of. */
export function badRequest(message: string): AdminReply {
  return { kind: 'error', status: 400, code: 'BAD_REQUEST', message }
}

export function json(value: unknown): AdminReply {
  return { kind: 'json', value }
}

/** sun_path has 108 bytes with the final NUL. @see unix(7) */
const maxSocketPathBytes = 107

/** A small HTTP server for administration: on a unix socket, or on TCP for one machine. */
export function adminServer(options: AdminServerOptions, deps: AdminServerDeps): AdminServer {
  return new HttpAdminServer(options, deps)
}

class HttpAdminServer implements AdminServer {
  readonly name: string
  readonly #options: AdminServerOptions
  readonly #deps: AdminServerDeps
  readonly #server: Server
  readonly #life: LinkedController = linkedController(undefined)

  constructor(options: AdminServerOptions, deps: AdminServerDeps) {
    this.name = options.name ?? 'admin server'
    this.#options = options
    this.#deps = deps
    this.#server = createServer(this.#listener())
    this.#server.maxConnections = 256
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async start(): Promise<void> {
    const { listen } = this.#options
    if ('socketPath' in listen) await removeStaleSocket(listen.socketPath)
    const listening = once(this.#server, 'listening')
    if ('socketPath' in listen) this.#server.listen(listen.socketPath)
    else this.#server.listen(listen.port, listen.host)
    try {
      await listening
    } catch (cause) {
      const where = 'socketPath' in listen ? listen.socketPath : `${listen.host}:${listen.port}`
      throw new MeshError<AdminErrorCode>('ADMIN_LISTEN_FAILED', `cannot listen on ${where}`, { cause })
    }
    if ('socketPath' in listen) await chmod(listen.socketPath, 0o600)
    this.#server.on('error', (error) => this.#deps.log.error('admin server', { error: errorText(error) }))
  }

  /** Watches end at once; what is being answered may finish until the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#life.abort(new Error('the server ends'))
    using _force = this.#deps.clock.after(deadlineMs, () => this.#server.closeAllConnections())
    this.#server.closeIdleConnections()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0)
  }

  #listener(): RequestListener {
    return (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        // A peer that goes in the middle of an answer is no error of ours.
        if (response.destroyed || response.closed) return
        this.#deps.log.error('admin request failed', { path: request.url ?? '', error: errorText(error) })
        if (response.headersSent) response.destroy()
        else
          sendError(response, { status: 500, code: 'INTERNAL', message: 'the request failed; see the log' })
      })
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume()
    const foreign =
      'host' in this.#options.listen ? foreignRequest(request, this.#options.listen.host) : undefined
    if (foreign !== undefined) {
      sendError(response, { status: 403, code: 'FORBIDDEN', message: foreign })
      return
    }
    const target = parseTarget(request.url ?? '')
    const routes = this.#options.routes.filter((route) => route.path === target?.pathname)
    const route = routes.find((candidate) => candidate.method === request.method)
    if (target === undefined || routes.length === 0) {
      sendError(response, { status: 404, code: 'NOT_FOUND', message: `no such path` })
    } else if (route === undefined) {
      response.setHeader('allow', routes.map((candidate) => candidate.method).join(', '))
      sendError(response, { status: 405, code: 'METHOD_NOT_ALLOWED', message: 'expected another method' })
    } else {
      using life = linkedController(this.#life.signal)
      response.on('close', () => life.abort(new Error('the peer went')))
      const reply = await route.handle({
        path: target.pathname,
        query: target.searchParams,
        accept: request.headers.accept ?? '',
        signal: life.signal,
      })
      await send(response, reply, life.signal)
    }
  }
}

function parseTarget(url: string): URL | undefined {
  return URL.parse(url, 'http://admin.invalid') ?? undefined
}

/**
 * Any web page can make a browser on this machine call a local port: by a name of its own that resolves to
 * 127.0.0.1 (the Host header tells) or from its own origin (the Origin header tells).
 */
function foreignRequest(request: IncomingMessage, host: string): string | undefined {
  const name = (request.headers.host ?? '').replace(/:\d+$/u, '')
  if (!['localhost', '127.0.0.1', '[::1]', host].includes(name))
    return 'expected a Host header that names this machine'
  return request.headers.origin === undefined ? undefined : 'requests from web pages are not answered'
}

async function send(response: ServerResponse, reply: AdminReply, signal: AbortSignal): Promise<void> {
  switch (reply.kind) {
    case 'error':
      sendError(response, reply)
      return
    case 'json':
      response.setHeader('content-type', 'application/json')
      response.end(`${JSON.stringify(reply.value)}\n`)
      return
    case 'text':
      response.statusCode = reply.status ?? 200
      response.setHeader('content-type', reply.contentType)
      for (const part of reply.text) {
        await write(response, part, signal)
        // A peer that reads as fast as we write would otherwise have the loop for itself.
        await nextTurn()
      }
      response.end()
      return
    case 'lines':
      response.setHeader('content-type', 'application/x-ndjson')
      response.flushHeaders()
      for await (const value of reply.values) await write(response, `${JSON.stringify(value)}\n`, signal)
      response.end()
  }
}

async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (!response.write(text)) await once(response, 'drain', { signal })
}

function sendError(
  response: ServerResponse,
  error: { readonly status: number; readonly code: string; readonly message: string },
): void {
  response.statusCode = error.status
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify({ code: error.code, message: error.message })}\n`)
}

/** A socket file without a listener is left over from a process that was killed. */
async function removeStaleSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > maxSocketPathBytes) {
    throw new MeshError<AdminErrorCode>(
      'ADMIN_SOCKET_PATH_TOO_LONG',
      `expected a socket path of at most ${maxSocketPathBytes} bytes, found ${Buffer.byteLength(path)}: ${path}; choose a shorter state folder`,
    )
  }
  const socket = connect(path)
  try {
    await once(socket, 'connect')
  } catch (error) {
    if (errorCode(error) === 'ECONNREFUSED') await unlink(path)
    if (['ECONNREFUSED', 'ENOENT'].includes(errorCode(error))) return
    throw error
  } finally {
    socket.destroy()
  }
  throw new MeshError<AdminErrorCode>(
    'ADMIN_SOCKET_IN_USE',
    `another process answers on ${path}; is it running already?`,
  )
}
