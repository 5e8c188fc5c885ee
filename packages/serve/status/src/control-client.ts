import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { MeshError } from '@tulle/core'
import type { Problem } from '@tulle/api'
import type {
  HostEntry,
  LaunchList,
  List,
  NodeView,
  ObjectView,
  PolicyView,
  ServiceView,
  SyncView,
  VersionView,
  WaitView,
  WorkloadView,
} from './api-types.ts'

// Imported as a module, node:http loads undici for its WebSocket: 7 MB and 60 ms for nothing.
const { request: httpRequest } = process.getBuiltinModule('node:http')

/** What each path of the control API answers; lists can be watched. */
export interface ControlApiTypes {
  readonly '/v1/workloads': List<WorkloadView>
  readonly '/v1/services': List<ServiceView>
  readonly '/v1/policies': List<PolicyView>
  readonly '/v1/objects': List<ObjectView>
  readonly '/v1/problems': List<Problem>
  readonly '/v1/nodes': List<NodeView>
  readonly '/v1/launches': LaunchList
  readonly '/v1/hosts': List<HostEntry>
  readonly '/v1/version': VersionView
  readonly '/v1/wait': WaitView
  readonly '/v1/sync': SyncView
  /** `Explanation` of @tulle/outputs. */
  readonly '/v1/explain': unknown
  readonly '/v1/collections': unknown
}

export type ControlPath = keyof ControlApiTypes

export type ControlApiErrorCode = 'CONTROL_UNREACHABLE' | 'CONTROL_REFUSED'

export type ControlParams = Readonly<Record<string, string | number | undefined>>

/** Asks a control plane over its unix socket. Rejects with a MeshError (ControlApiErrorCode). */
export interface ControlApiClient {
  get<P extends ControlPath>(path: P, options?: ControlCallOptions): Promise<ControlApiTypes[P]>
  post<P extends ControlPath>(path: P, options?: ControlCallOptions): Promise<ControlApiTypes[P]>
  /** The list now and after each change, until the signal aborts or the control plane ends. */
  watch<P extends ControlPath>(path: P, options?: ControlCallOptions): AsyncIterable<ControlApiTypes[P]>
}

export interface ControlCallOptions {
  readonly params?: ControlParams
  readonly signal?: AbortSignal
}

export function controlApiClient(socketPath: string): ControlApiClient {
  const call = async (method: string, path: string, options: ControlCallOptions): Promise<IncomingMessage> =>
    open(socketPath, { method, path, ...options })
  return {
    get: async <P extends ControlPath>(path: P, options: ControlCallOptions = {}) =>
      readJson<ControlApiTypes[P]>(await call('GET', path, options)),
    post: async <P extends ControlPath>(path: P, options: ControlCallOptions = {}) =>
      readJson<ControlApiTypes[P]>(await call('POST', path, options)),
    async *watch<P extends ControlPath>(path: P, options: ControlCallOptions = {}) {
      const params = { ...options.params, watch: 1 }
      const response = await call('GET', path, { ...options, params })
      try {
        for await (const line of createInterface({ input: response })) {
          // Our own server writes the lines; both sides are one release.
          yield JSON.parse(line) as ControlApiTypes[P]
        }
      } catch (cause) {
        if (options.signal?.aborted !== true) throw unreachable(socketPath, cause)
      }
    },
  }
}

async function open(
  socketPath: string,
  options: ControlCallOptions & { readonly method: string; readonly path: string },
): Promise<IncomingMessage> {
  const { method, path, params = {}, signal } = options
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value !== undefined) query.set(name, String(value))
  const suffix = query.size === 0 ? '' : `?${query.toString()}`
  const request = httpRequest({
    socketPath,
    method,
    path: path + suffix,
    ...(signal === undefined ? {} : { signal }),
  })
  request.end()
  try {
    // `once` rejects with what `error` says.
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    if (response.statusCode === 200) return response
    throw await refusal(response)
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    throw unreachable(socketPath, cause)
  }
}

function unreachable(socketPath: string, cause: unknown): MeshError<ControlApiErrorCode> {
  const message = `no control plane answers on ${socketPath}; is \`tulle up\` running with this state folder?`
  return new MeshError<ControlApiErrorCode>('CONTROL_UNREACHABLE', message, { cause })
}

async function refusal(response: IncomingMessage): Promise<MeshError<ControlApiErrorCode>> {
  const body = await readJson<{ readonly message?: unknown }>(response)
  const message = typeof body.message === 'string' ? body.message : `status ${response.statusCode}`
  const status = response.statusCode ?? 0
  return new MeshError<ControlApiErrorCode>('CONTROL_REFUSED', message, { context: { status } })
}

async function readJson<T>(response: IncomingMessage): Promise<T> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  // Our own server wrote it.
  return JSON.parse(text) as T
}
