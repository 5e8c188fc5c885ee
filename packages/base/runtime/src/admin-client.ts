import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { errorCode, MeshError } from '@tulle/core'

// Imported as a module, node:http loads undici for its WebSocket: 7 MB and 60 ms for nothing.
const { request: httpRequest } = process.getBuiltinModule('node:http')

export type AdminClientErrorCode =
  /** Nobody listens on the socket, or what listened has gone. */
  | 'ADMIN_UNREACHABLE'
  /** An answer that is a refusal; `context.status` is HTTP's. */
  | 'ADMIN_REFUSED'

/** Of a query: a list is the same name several times, undefined is left out. */
export type AdminParams = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** Asks a role over the unix socket of its admin API. Rejects with a MeshError (AdminClientErrorCode). */
export interface AdminClient {
  get<T>(path: string, signal?: AbortSignal): Promise<T>
  post<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T>
  /** One value a line of the answer, until either side ends it. */
  watch<T>(path: string, signal?: AbortSignal): AsyncIterable<T>
  /** The same of something that the request sets going. */
  follow<T>(path: string): AsyncIterable<T>
}

export function adminClient(socketPath: string): AdminClient {
  return {
    get: async <T>(path: string, signal?: AbortSignal) =>
      readJson<T>(await call(socketPath, { method: 'GET', path, signal })),
    post: async <T>(path: string, body?: unknown, signal?: AbortSignal) =>
      readJson<T>(await call(socketPath, { method: 'POST', path, body, signal })),
    watch: <T>(path: string, signal?: AbortSignal) => lines<T>(socketPath, { method: 'GET', path, signal }),
    follow: <T>(path: string) => lines<T>(socketPath, { method: 'POST', path, signal: undefined }),
  }
}

async function* lines<T>(socketPath: string, request: Call): AsyncIterable<T> {
  const response = await call(socketPath, request)
  const reader = createInterface({ input: response, crlfDelay: Infinity })
  // The loop hears of errors while it runs; what comes after whoever reads has had enough is nobody's any more.
  reader.on('error', () => undefined)
  try {
    for await (const line of reader) {
      // The server that wrote it is of the same release.
      if (line !== '') yield JSON.parse(line) as T
    }
  } catch (cause) {
    if (request.signal?.aborted !== true) throw unreachable(socketPath, cause)
  }
}

export function withQuery(path: string, params: AdminParams): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue
    for (const one of typeof value === 'object' ? value : [value]) query.append(name, String(one))
  }
  return query.size === 0 ? path : `${path}?${query.toString()}`
}

interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
  readonly signal: AbortSignal | undefined
}

async function call(socketPath: string, { method, path, body, signal }: Call): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const outgoing = httpRequest({
    socketPath,
    method,
    path,
    headers: text === undefined ? { host: 'tulle' } : { host: 'tulle', 'content-type': 'application/json' },
    ...(signal === undefined ? {} : { signal }),
  })
  outgoing.end(text)
  try {
    // `once` rejects with what `error` says.
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    if ((response.statusCode ?? 0) < 400) return response
    throw await refusal(response)
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    throw unreachable(socketPath, cause)
  }
}

function unreachable(socketPath: string, cause: unknown): MeshError<AdminClientErrorCode> {
  const why = errorCode(cause)
  const isGone = why === 'ENOENT' || why === 'ECONNREFUSED'
  const message = isGone ? `nothing listens at ${socketPath}` : `no answer from ${socketPath}`
  return new MeshError<AdminClientErrorCode>('ADMIN_UNREACHABLE', message, { cause })
}

async function refusal(response: IncomingMessage): Promise<MeshError<AdminClientErrorCode>> {
  const status = response.statusCode ?? 0
  const text = await readText(response)
  const message = messageOf(text) ?? `it answered ${status}: ${text.slice(0, 500)}`
  return new MeshError<AdminClientErrorCode>('ADMIN_REFUSED', message, { context: { status } })
}

function messageOf(text: string): string | undefined {
  try {
    const { message }: { readonly message?: unknown } = Object(JSON.parse(text))
    return typeof message === 'string' ? message : undefined
  } catch {
    // Not JSON: the caller shows the text as it is.
    return undefined
  }
}

async function readJson<T>(response: IncomingMessage): Promise<T> {
  // Our own server wrote it.
  return JSON.parse(await readText(response)) as T
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  return text
}
