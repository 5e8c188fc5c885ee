import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must, systemClock } from '@tulle/core'
import { parseOptions, silentLog } from '@tulle/runtime'
import { runWaypoint, waypointOptions } from '@tulle/waypoint'

/** An address of this test process alone, since listeners share ports. */
const ip = `127.${16 + ((process.pid >> 8) % 200)}.${process.pid & 255}.7`

/** A backend that keeps the fields of what it is asked, and answers with 200 or as it is told. */
export class FieldBackend implements AsyncDisposable {
  readonly asked: IncomingHttpHeaders[] = []
  /** Statuses of the next answers. */
  readonly statuses: number[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async listen(answer?: RequestListener): Promise<FieldBackend> {
    const server = createServer()
    const backend = new FieldBackend(server)
    server.on('request', (request, response) => {
      backend.asked.push(request.headers)
      response.statusCode = backend.statuses.shift() ?? 200
      if (answer === undefined) response.end()
      else answer(request, response)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return backend
  }

  get port(): number {
    // Listening on TCP.
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

export interface TracedProxyPlan {
  /** Ports of endpoints of the only cluster. */
  readonly backends: readonly number[]
  /** A line of YAML, such as `tracing: { … }`; empty: none. */
  readonly tracing: string
  /** More of the only rule, in YAML. */
  readonly rule?: string
}

/** `tulle waypoint --config` on one worker, in this process. */
export class TracedProxy implements AsyncDisposable {
  readonly #ports: { readonly http: number; readonly metrics: number }
  readonly #folder: string
  readonly #stopping: AbortController = new AbortController()
  #ended: Promise<void> = Promise.resolve()

  private constructor(ports: { readonly http: number; readonly metrics: number }, folder: string) {
    this.#ports = ports
    this.#folder = folder
  }

  static async start({ backends, tracing, rule = '' }: TracedProxyPlan): Promise<TracedProxy> {
    const folder = mkdtempSync(join(tmpdir(), 'tulle-traced-'))
    const proxy = new TracedProxy({ http: await freePort(ip), metrics: await freePort('0.0.0.0') }, folder)
    const endpoints = backends.map((port) => `{ address: 127.0.0.1, port: ${port} }`).join(', ')
    writeFileSync(
      join(folder, 'w.yaml'),
      `listeners:
  - name: front
    address: ${ip}
    port: ${proxy.#ports.http}
    access: [{ name: no-admin, action: deny, requests: [{ path: { type: PathPrefix, value: /admin } }] }]
    rules: [{ name: all, backends: [{ cluster: app }]${rule === '' ? '' : `, ${rule}`} }]
clusters: [{ name: app, endpoints: [${endpoints}] }]
${tracing}
`,
    )
    await proxy.#run()
    return proxy
  }

  async call(
    path: string,
    headers: Readonly<Record<string, string | readonly string[]>> = {},
  ): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }> {
    const sent = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
    )
    const asked = get({ host: ip, port: this.#ports.http, path, headers: sent })
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    answer.resume()
    await once(answer, 'end')
    return { status: answer.statusCode ?? 0, headers: answer.headers }
  }

  /** The text of `/metrics`, and its type. */
  async scrape(accept: string | undefined): Promise<{ readonly type: string; readonly text: string }> {
    const headers = accept === undefined ? {} : { accept }
    const asked = get({ host: '127.0.0.1', port: this.#ports.metrics, path: '/metrics', headers })
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    let text = ''
    for await (const piece of answer as AsyncIterable<Buffer>) text += piece.toString()
    return { type: answer.headers['content-type'] ?? '', text }
  }

  /** Drains: what it still has to say is said. */
  async stop(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    this.#stopping.abort()
    await this.#ended
    const lines = readFileSync(join(this.#folder, 'access.log'), 'utf8').trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#ended
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #run(): Promise<void> {
    const argv = Object.entries({
      config: join(this.#folder, 'w.yaml'),
      workers: '1',
      'access-log': join(this.#folder, 'access.log'),
      'admin-port': '0',
      'health-port': '0',
      'drain-deadline': '60s',
      'metrics-port': `${this.#ports.metrics}`,
    }).flatMap(([name, value]) => [`--${name}`, value])
    const options = must(parseOptions(waypointOptions, { argv, env: {} }))
    const ready = Promise.withResolvers<void>()
    const log = { ...silentLog, info: (message: string) => message === 'waypoint runs' && ready.resolve() }
    this.#ended = runWaypoint(options, {
      clock: systemClock,
      log,
      stop: this.#stopping.signal,
      requestStop: () => this.#stopping.abort(),
      fail: (error) => ready.reject(error as Error),
    })
    this.#ended.catch((error: unknown) => ready.reject(error as Error))
    await ready.promise
  }
}

/** Free on `host`, where it will be listened on: at any other address it may be taken. */
async function freePort(host: string): Promise<number> {
  const server = createTcpServer().listen(0, host)
  await once(server, 'listening')
  // Listening on TCP.
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
