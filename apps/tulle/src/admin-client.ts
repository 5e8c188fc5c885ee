import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { errorCode } from '@tulle/core'
import { CommandError, exitCodes } from './exit-codes.ts'

// Imported as a module, node:http loads undici for its WebSocket: 7 MB and 60 ms for nothing.
const { request } = process.getBuiltinModule('node:http')

/** A client of a role's admin API, which answers JSON over a unix socket. */
export interface AdminClient {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  /** One value a line of the answer, until either side ends it. */
  watch<T>(path: string, signal?: AbortSignal): AsyncIterable<T>
  /** The same of something that is done meanwhile. */
  follow<T>(path: string): AsyncIterable<T>
}

interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

export function adminClient(socketPath: string): AdminClient {
  return {
    get: async <T>(path: string) => readJson<T>(await send(socketPath, { method: 'GET', path })),
    post: async <T>(path: string, body?: unknown) =>
      readJson<T>(await send(socketPath, { method: 'POST', path, body })),
    watch: <T>(path: string, signal?: AbortSignal) => lines<T>(socketPath, { method: 'GET', path, signal }),
    follow: <T>(path: string) => lines<T>(socketPath, { method: 'POST', path }),
  }
}

async function* lines<T>(socketPath: string, call: Call): AsyncIterable<T> {
  const response = await send(socketPath, call)
  await refuseErrors(response)
  for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
    if (line !== '') yield JSON.parse(line) as T
  }
}

function send(socketPath: string, call: Call): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    const outgoing = request({
      socketPath,
      method: call.method,
      path: call.path,
      headers: body === undefined ? { host: 'tulle' } : { host: 'tulle', 'content-type': 'application/json' },
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    })
    outgoing.on('response', resolve)
    outgoing.on('error', (error) => reject(explainFailure(error, socketPath)))
    outgoing.end(body)
  })
}

function explainFailure(error: Error, socketPath: string): Error {
  const code = errorCode(error)
  if (code !== 'ENOENT' && code !== 'ECONNREFUSED') return error
  return new CommandError(
    exitCodes.notRunning,
    `no mesh is running here: nothing listens at ${socketPath}; start one with "tulle up -f DIR", or say where it is with --state`,
    { cause: error },
  )
}

async function readJson<T>(response: IncomingMessage): Promise<T> {
  await refuseErrors(response)
  return JSON.parse(await text(response)) as T
}

async function refuseErrors(response: IncomingMessage): Promise<void> {
  const status = response.statusCode ?? 0
  if (status < 400) return
  const body = await text(response)
  throw new CommandError(
    status < 500 ? exitCodes.usage : exitCodes.failed,
    messageOf(body) ?? `the mesh answered ${status}: ${body}`,
  )
}

function messageOf(body: string): string | undefined {
  try {
    const parsed = JSON.parse(body) as { error?: { message?: string }; message?: string }
    return parsed.error?.message ?? parsed.message
  } catch {
    // Not JSON: the caller shows the body as it is.
    return undefined
  }
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
