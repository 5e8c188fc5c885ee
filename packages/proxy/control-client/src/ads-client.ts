import { Backoff, errorText, linkedController } from '@tulle/core'
import type { BackoffOptions, LinkedController } from '@tulle/core'
import {
  addressType,
  authorizationType,
  parseDigestMark,
  revocationType,
  trustBundleType,
} from '@tulle/mesh-xds'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { DeltaDiscoveryResponse } from '@tulle/proto'
import type { AdsCall } from './ads-channel.ts'
import { adsMetrics } from './ads-metrics.ts'
import type { AdsMetrics } from './ads-metrics.ts'
import { acknowledgement, demandRequest, releaseRequest, TypeState } from './ads-state.ts'
import type { AdsClient, AdsClientDeps, AdsClientOptions, RejectedResource } from './ads-types.ts'
import { ControlHistory, parseHistoryPoint } from './control-history.ts'
import type { HistoryPoint } from './control-history.ts'

/**
 * Pauses between tries. ztunnel goes up to 15 s; after a restart of the control plane the last nodes would come back
 * that much later, while a try that nobody answers costs next to nothing.
 */
export const reconnectPauses: BackoffOptions = { firstMs: 10, maxMs: 5000 }
/** In the order in which they are needed: nobody is served before it is known whom to believe. */
const defaultTypes = [trustBundleType, revocationType, authorizationType, addressType]
const ours: ReadonlySet<string> = new Set([trustBundleType, revocationType])
/** Refused resources that get a line of the log each; of the others, how many there are. */
const maxRefusalLines = 20
/** A stream that lasted this long was a good one: the next try comes fast. */
const steadyMs = 5000

export function adsClient(options: AdsClientOptions, deps: AdsClientDeps): AdsClient {
  return new DeltaAdsClient(options, deps)
}

class DeltaAdsClient implements AdsClient {
  readonly name: string = 'configuration client'
  readonly whenSynced: Promise<void>
  readonly #options: AdsClientOptions
  readonly #deps: AdsClientDeps
  readonly #metrics: AdsMetrics
  readonly #types: ReadonlyMap<string, TypeState>
  readonly #history: ControlHistory
  readonly #synced: PromiseWithResolvers<void> = Promise.withResolvers()
  #call: AdsCall | undefined
  #connected: boolean = false
  #lastFailure: string = ''
  #refusedState: string | undefined
  #life: LinkedController | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(options: AdsClientOptions, deps: AdsClientDeps) {
    this.#options = options
    this.#deps = deps
    this.#metrics = adsMetrics(deps.metrics)
    this.#history = new ControlHistory(options.historyFile, deps.log)
    const onDemand = new Set(options.onDemand ?? [])
    const skills = { takesDigests: false }
    this.#types = new Map(
      (options.typeUrls ?? defaultTypes).map((typeUrl) => {
        const kind = { onDemand: onDemand.has(typeUrl), optional: ours.has(typeUrl), skills }
        return [typeUrl, new TypeState(typeUrl, kind)]
      }),
    )
    this.whenSynced = this.#synced.promise
    // Nobody has to wait for it.
    this.whenSynced.catch(() => undefined)
  }

  get connected(): boolean {
    return this.#connected
  }

  get synced(): boolean {
    return [...this.#types.values()].every((type) => type.synced || type.optional)
  }

  get refusedState(): string | undefined {
    return this.#refusedState
  }

  resume(update: ResourceUpdate, rejected: readonly RejectedResource[]): void {
    this.#types.get(update.typeUrl)?.knows(update, rejected)
  }

  demand(typeUrl: string, name: string): void {
    const type = this.#types.get(typeUrl)
    if (type === undefined || !type.onDemand) throw new TypeError(`${typeUrl} is not served on demand`)
    type.demanded.add(name)
    this.#call?.write(demandRequest(typeUrl, name))
  }

  release(typeUrl: string, name: string): void {
    if (this.#types.get(typeUrl)?.demanded.delete(name) !== true) return
    this.#call?.write(releaseRequest(typeUrl, name))
  }

  /** Not ended by the signal: while others drain, policies still come, and it is known that this process is there. */
  start(_signal: AbortSignal): Promise<void> {
    this.#life = linkedController(undefined)
    this.#running = this.#run(this.#life.signal)
    return Promise.resolve()
  }

  /** Nothing of it finishes by itself: what is applied stays. */
  async drain(): Promise<void> {
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life?.abort(new Error('the client ends'))
    this.#life?.[Symbol.dispose]()
    await this.#running
  }

  /** One stream after the other, until the end. */
  async #run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(reconnectPauses, this.#deps.rng)
    await orAbort(this.#options.opensAfter ?? Promise.resolve(), signal).catch(() => undefined)
    while (!signal.aborted) {
      const openedMs = this.#deps.clock.monotonicMs()
      const reason = await this.#stream(signal)
      if (signal.aborted) break
      if (this.#deps.clock.monotonicMs() - openedMs >= steadyMs) backoff.reset()
      this.#disconnected(reason)
      // The only reason to wake early is the end, which the loop sees.
      await this.#deps.clock.sleep(backoff.nextMs(), { signal }).catch(() => undefined)
    }
    this.#connected = false
    this.#synced.reject(new Error('the client ended before the first full state arrived'))
  }

  /** One stream from connect to its end; resolves with why it ended. */
  async #stream(signal: AbortSignal): Promise<string> {
    try {
      const { address, rootsFile, tokenFile } = this.#options
      const serverName = this.#options.serverName ?? 'tulle-control'
      const clusterId = this.#options.clusterId ?? 'Kubernetes'
      // With gRPC, which a proxy that is started again does without until it serves from what was kept.
      const { openAdsChannel } = await import('./ads-channel.ts')
      using channel = await openAdsChannel({ address, rootsFile, tokenFile, serverName, clusterId })
      const { call } = channel
      using life = linkedController(signal)
      life.signal.addEventListener('abort', () => call.cancel())
      if (signal.aborted) call.cancel()
      // The loop below hears of errors too; a listener that stays keeps late ones from ending the process.
      call.on('error', () => undefined)
      this.#call = call
      for (const type of this.#types.values()) call.write(type.firstRequest(this.#options.node))
      for await (const response of call as AsyncIterable<DeltaDiscoveryResponse>) {
        await orAbort(this.#receive(call, response), signal)
      }
      this.#metrics.terminated('Complete')
      return 'the control plane ended the stream'
    } catch (error) {
      this.#metrics.terminated(this.#connected ? 'Error' : 'ConnectionError')
      return errorText(error)
    } finally {
      this.#call = undefined
    }
  }

  async #receive(call: AdsCall, response: DeltaDiscoveryResponse): Promise<void> {
    const type = this.#types.get(response.typeUrl)
    if (type === undefined) return
    const point = this.#guardHistory(response)
    this.#nowConnected()
    const buckets = type.asksFor(parseDigestMark(response.controlPlane?.identifier))
    if (buckets !== undefined) {
      call.write(type.told(response, buckets))
      return
    }
    const { update, rejected: malformed } = type.read(response)
    this.#metrics.received(update)
    const news = update.upserts.length > 0 || update.removed.length > 0
    const refused = news || !type.synced ? await this.#options.apply(update) : []
    const rejected = unique([...malformed, ...refused])
    type.applied(update, rejected)
    this.#history.advance(point)
    this.#reportRefused(type, rejected)
    call.write(acknowledgement(response, rejected))
    if (this.synced) this.#synced.resolve()
  }

  /** Throws where the state is older than the one in force: the stream ends, and another try comes later. */
  #guardHistory(response: DeltaDiscoveryResponse): HistoryPoint | undefined {
    const point = parseHistoryPoint(response.systemVersionInfo)
    this.#refusedState = this.#history.refuse(point)
    if (this.#refusedState === undefined) return point
    this.#metrics.refusedState()
    throw new Error(this.#refusedState)
  }

  #reportRefused(type: TypeState, rejected: readonly RejectedResource[]): void {
    this.#metrics.refused(type.typeUrl, type.refused)
    for (const { name, reason } of rejected.slice(0, maxRefusalLines))
      this.#deps.log.error('a resource was refused', { type: type.typeUrl, name, reason })
    const more = rejected.length - maxRefusalLines
    if (more > 0) this.#deps.log.error('more resources were refused', { type: type.typeUrl, resources: more })
  }

  #nowConnected(): void {
    if (this.#connected) return
    this.#connected = true
    this.#lastFailure = ''
    this.#metrics.connected(true)
    this.#deps.log.info('connected to the control plane', { address: this.#options.address })
  }

  /** Says it once: while the control plane is away, the same failure repeats. */
  #disconnected(reason: string): void {
    this.#connected = false
    this.#metrics.connected(false)
    const fields = { address: this.#options.address, reason }
    if (reason === this.#lastFailure) this.#deps.log.debug('no connection to the control plane', fields)
    else this.#deps.log.warn('no connection to the control plane; the last good state stays in force', fields)
    this.#lastFailure = reason
  }
}

/** One refusal a name: the first tells best. */
function unique(rejected: readonly RejectedResource[]): readonly RejectedResource[] {
  const byName = new Map<string, RejectedResource>()
  for (const refusal of rejected) if (!byName.has(refusal.name)) byName.set(refusal.name, refusal)
  return [...byName.values()]
}

/** What `work` comes to, unless the signal aborts first: a worker that hangs does not keep us from ending. */
function orAbort(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
