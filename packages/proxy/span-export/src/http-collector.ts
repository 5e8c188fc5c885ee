import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { errorText } from '@tulle/core'
import { maxAnswerBytes, postHeaders } from './collector-client.ts'
import type { CollectorAnswer, CollectorClient } from './collector-client.ts'

// Imported as modules they load undici for its WebSocket: 7 MB and 60 ms for nothing.
const http = process.getBuiltinModule('node:http')
const https = process.getBuiltinModule('node:https')

const timeoutMs = 10_000

/**
 * A collector by its URL, or by the path of its socket, over a connection that is kept. `https` is verified by the roots that
 * Node comes with.
 */
export class HttpCollector implements CollectorClient {
  readonly #isTls: boolean
  readonly #where: RequestOptions
  readonly #agent: InstanceType<typeof http.Agent>

  constructor(url: string) {
    const { protocol, hostname, port, pathname } = new URL(url)
    this.#isTls = protocol === 'https:'
    this.#where =
      protocol === 'unix:'
        ? { socketPath: url.slice(protocol.length), path: '/v1/traces' }
        : { hostname: hostname.replace(/^\[(.*)\]$/u, '$1'), port, path: pathname }
    const options = { keepAlive: true, maxSockets: 1 }
    this.#agent = this.#isTls ? new https.Agent(options) : new http.Agent(options)
  }

  post(body: Uint8Array): Promise<CollectorAnswer> {
    const { request } = this.#isTls ? https : http
    return new Promise((resolve) => {
      const fail = (error: unknown): void =>
        resolve({ status: 0, retryAfter: undefined, body: new Uint8Array(), why: errorText(error) })
      try {
        const call = request({
          ...this.#where,
          method: 'POST',
          agent: this.#agent,
          headers: { ...Object.fromEntries(postHeaders), 'content-length': body.length },
          signal: AbortSignal.timeout(timeoutMs),
        })
        call.on('error', fail)
        call.on('response', (response) => void readAnswer(call, response).then(resolve))
        call.end(body)
      } catch (error) {
        fail(error)
      }
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

/** Resolves with the beginning of the answer when it is complete, too long, or cut off. */
function readAnswer(call: ClientRequest, response: IncomingMessage): Promise<CollectorAnswer> {
  const { promise, resolve } = Promise.withResolvers<CollectorAnswer>()
  const chunks: Buffer[] = []
  let length = 0
  response.on('error', () => undefined)
  response.on('close', () =>
    resolve({
      status: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'],
      body: Buffer.concat(chunks).subarray(0, maxAnswerBytes),
      why: '',
    }),
  )
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxAnswerBytes) call.destroy()
  })
  return promise
}
