import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { Fields } from '@tulle/http1'
import type { ClientExchange, ClientHandler, RequestHead, ResponseHead } from '@tulle/http1'
import { http2Error } from '@tulle/http2'
import type { ClusterDirectory } from '@tulle/l7'
import { parseIpAddress, serviceKey } from '@tulle/mesh'
import { HttpCollector, maxAnswerBytes, postHeaders } from '@tulle/span-export'
import type { CollectorAnswer, CollectorClient } from '@tulle/span-export'
import type { WaypointState } from '../waypoint-state.ts'

const timeoutMs = 10_000
const defaultPort = 80

export interface MeshCollectorDeps {
  readonly clock: Clock
  readonly state: WaypointState
  readonly clusters: ClusterDirectory
  /** Whose services a name without a namespace means. */
  readonly namespace: string
}

/**
 * A collector that may be in the mesh: by the name or address of a service or workload it is called as any backend is, with mTLS
 * and as this waypoint. What the mesh does not know is called as it is. Looked up for each batch: it may come later.
 */
export class MeshCollector implements CollectorClient {
  readonly #url: URL
  readonly #deps: MeshCollectorDeps
  readonly #direct: HttpCollector

  constructor(url: string, deps: MeshCollectorDeps) {
    this.#url = new URL(url)
    this.#deps = deps
    this.#direct = new HttpCollector(url)
  }

  post(body: Uint8Array): Promise<CollectorAnswer> {
    const destination = this.#url.protocol === 'http:' ? this.#destination() : undefined
    return destination === undefined ? this.#direct.post(body) : this.#postTo(destination, body)
  }

  [Symbol.dispose](): void {
    this.#direct[Symbol.dispose]()
  }

  /** The key of a service, or the uid of a workload. */
  #destination(): string | undefined {
    const { mesh } = this.#deps.state
    const host = this.#url.hostname
    const ip = parseIpAddress(host.replace(/^\[(.*)\]$/u, '$1'))
    if (ip.ok) {
      const entry = mesh.byAddress('', ip.value)
      if (entry === undefined) return undefined
      return entry.kind === 'service' ? serviceKey(entry.service) : entry.workload.uid
    }
    const [name = '', namespace = this.#deps.namespace, ...rest] = host.split('.')
    if (!['', 'svc', 'svc.cluster.local'].includes(rest.join('.'))) return undefined
    const key = serviceKey({ namespace, hostname: `${name}.${namespace}.svc.cluster.local` })
    return mesh.service(key) === undefined ? undefined : key
  }

  #postTo(destination: string, body: Uint8Array): Promise<CollectorAnswer> {
    const port = this.#url.port === '' ? defaultPort : Number(this.#url.port)
    const cluster = this.#deps.clusters.clusterOf(destination, port)
    const endpoint = cluster?.balancer.pick()
    const connection = endpoint === undefined ? undefined : cluster?.connect(endpoint)
    if (connection === undefined)
      return Promise.resolve(noAnswer(`${destination} has no endpoint for port ${port} now`))
    return new Promise((resolve) => {
      const call = new CollectorCall(resolve)
      const timer = this.#deps.clock.after(timeoutMs, () => call.giveUp())
      call.onOver = () => timer[Symbol.dispose]()
      try {
        call.send(connection.request(this.#head(body), call, false), body)
      } catch (error) {
        call.finish(noAnswer(errorText(error)))
      }
    })
  }

  #head(body: Uint8Array): RequestHead {
    const fields = Fields.of([...postHeaders.flat(), 'content-length', `${body.length}`])
    const { host, pathname } = this.#url
    return {
      method: 'POST',
      scheme: 'http',
      authority: host,
      path: pathname,
      fields,
      version: '1.1',
      protocol: undefined,
    }
  }
}

/** One POST and its answer. */
class CollectorCall implements ClientHandler {
  onOver: () => void = () => undefined
  readonly #resolve: (answer: CollectorAnswer) => void
  #exchange: ClientExchange | undefined
  #head: ResponseHead | undefined
  readonly #body: Buffer[] = []
  #length: number = 0
  #over: boolean = false

  constructor(resolve: (answer: CollectorAnswer) => void) {
    this.#resolve = resolve
  }

  send(exchange: ClientExchange | undefined, body: Uint8Array): void {
    this.#exchange = exchange
    if (exchange === undefined) {
      this.finish(noAnswer('the connection takes no request'))
      return
    }
    exchange.sendCopy(body, 0, body.length)
    exchange.endWithTrailers()
  }

  giveUp(): void {
    this.finish(noAnswer(`no answer within ${timeoutMs / 1000} s`))
    this.#exchange?.reset(http2Error.cancel)
  }

  onInform(): void {}

  onResponse(head: ResponseHead): void {
    this.#head = head
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    this.#exchange?.consumed(end - start)
    this.#length += end - start
    if (this.#length > maxAnswerBytes) {
      this.onEnd()
      this.#exchange?.reset(http2Error.cancel)
    } else this.#body.push(Buffer.from(bytes.subarray(start, end)))
    return false
  }

  onEnd(): void {
    this.finish({
      status: this.#head?.status ?? 0,
      retryAfter: this.#head?.fields.get('retry-after'),
      body: Buffer.concat(this.#body),
      why: '',
    })
  }

  onReset(): void {
    this.finish(noAnswer('the connection was refused or broke'))
  }

  onWritable(): void {}

  finish(answer: CollectorAnswer): void {
    if (this.#over) return
    this.#over = true
    this.onOver()
    this.#resolve(answer)
  }
}

function noAnswer(why: string): CollectorAnswer {
  return { status: 0, retryAfter: undefined, body: new Uint8Array(), why }
}
