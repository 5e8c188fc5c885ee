import { hits } from '@tulle/balance'
import type { Endpoint } from '@tulle/balance'
import type { ClientExchange, ClientHandler, Fields } from '@tulle/http1'
import { http2Error } from '@tulle/http2'
import type { RequestDestination } from './authorizer.ts'
import type { L7Environment } from './environment.ts'
import type { RequestState } from './request-state.ts'
import { withTrailers } from './routing/request-view.ts'
import type { Timeout } from './timeouts.ts'
import type { Cluster, UpstreamSpec } from './upstream/cluster.ts'

const none: readonly never[] = []

/** A copy that nobody answers is given up after this. */
const mirrorTimeoutMs = 15_000

/** Begins the copies of a request that its filters ask for, each to one endpoint of its backend. */
export function beginMirrors(
  request: RequestState,
  end: boolean,
  environment: L7Environment,
): readonly MirrorRun[] {
  const ofRule = request.rule?.filters.mirrors ?? none
  const ofBackend = request.backend?.filters.mirrors ?? none
  if (ofRule.length === 0 && ofBackend.length === 0) return none
  return [...ofRule, ...ofBackend].flatMap(({ backend, tls, fraction }) => {
    if (backend.kind !== 'service' || !hits(fraction, environment.rng)) return []
    const cluster = environment.clusters.clusterOf(backend.service, backend.port, tls)
    const endpoint = cluster === undefined ? undefined : admitting(request, backend, cluster, environment)
    const connection = endpoint === undefined ? undefined : cluster?.connect(endpoint)
    if (endpoint === undefined || connection === undefined) return []
    const mirror = new MirrorRun(environment, () => admits(request, backend, endpoint, environment))
    mirror.exchange = connection?.request(request.head, mirror, end)
    return mirror.exchange === undefined ? [] : [mirror]
  })
}

/** A copy reaches only whom the caller might have called itself: a route grants no access. */
function admitting(
  request: RequestState,
  backend: RequestDestination,
  { balancer }: Cluster,
  { authorizer }: L7Environment,
): Endpoint<UpstreamSpec> | undefined {
  const { verdict, refusedBy } = authorizer.authorize(request, request.downstream, backend)
  if (!verdict.allowed) return undefined
  if (refusedBy === undefined) return balancer.pick()
  const endpoint = balancer.pick({ exclude: [...balancer.endpoints].filter(({ key }) => refusedBy.has(key)) })
  // Excluded ones are chosen where there is no other.
  return endpoint === undefined || refusedBy.has(endpoint.key) ? undefined : endpoint
}

/** Once more, with what came behind the payload. */
function admits(
  request: RequestState,
  backend: RequestDestination,
  { key }: Endpoint<UpstreamSpec>,
  { authorizer }: L7Environment,
): boolean {
  const { method, path, query, host, fields, trailers, downstream } = request
  const view = { method, path, query, host, fields: withTrailers(fields, trailers) }
  const { verdict, refusedBy } = authorizer.authorize(view, downstream, backend)
  return verdict.allowed && refusedBy?.has(key) !== true
}

/**
 * One copy of a request. Its answer is dropped. It never slows down the request that it is a copy of: when its endpoint does not
 * keep up, it is the copy that ends.
 */
export class MirrorRun implements ClientHandler {
  exchange: ClientExchange | undefined
  readonly #environment: L7Environment
  readonly #admitsTrailers: () => boolean
  readonly #timeout: Timeout
  #over: boolean = false

  constructor(environment: L7Environment, admitsTrailers: () => boolean) {
    this.#environment = environment
    this.#admitsTrailers = admitsTrailers
    this.#timeout = environment.timeouts.begin(mirrorTimeoutMs, () => this.giveUp())
  }

  send(bytes: Buffer, start: number, end: number): void {
    if (!this.#over && this.exchange?.sendCopy(bytes, start, end) === false) this.giveUp()
  }

  end(trailers: Fields | undefined): void {
    if (this.#over) return
    if (trailers === undefined || this.#admitsTrailers()) this.exchange?.endWithTrailers(trailers)
    else this.giveUp()
  }

  giveUp(): void {
    if (this.#over) return
    this.#finish()
    this.exchange?.reset(http2Error.cancel)
  }

  onInform(): void {}

  onResponse(): void {}

  onData(_bytes: Buffer, start: number, end: number): boolean {
    this.exchange?.consumed(end - start)
    return false
  }

  onEnd(): void {
    this.#finish()
  }

  onReset(): void {
    this.#finish()
  }

  onWritable(): void {}

  #finish(): void {
    this.#over = true
    this.#environment.timeouts.end(this.#timeout)
  }
}
