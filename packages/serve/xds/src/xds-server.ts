import { status } from '@grpc/grpc-js'
import type { Collection, Graph } from '@tulle/collections'
import type { Clock, Result } from '@tulle/core'
import { errorText } from '@tulle/core'
import type { MeshResource } from '@tulle/mesh-xds'
import { aggregatedDiscoveryService } from '@tulle/proto'
import type { Log, MetricsRegistry } from '@tulle/runtime'
import { readAdsRequest } from './ads-request.ts'
import { AdsStream } from './ads-stream.ts'
import type { AdsStreamLimits } from './ads-stream.ts'
import type { GrpcCall } from './grpc-call.ts'
import type { GrpcMethods } from './grpc-server.ts'
import { PumpQueue } from './pump-queue.ts'
import type { Receipts } from './receipt-types.ts'
import { ReceiptBook } from './receipts.ts'
import { ResourceIndex } from './resource-index.ts'
import { xdsMetrics } from './xds-metrics.ts'
import type { XdsMetrics } from './xds-metrics.ts'

/** The resources of one type, each kept under its name. */
export interface XdsResources {
  readonly typeUrl: string
  readonly collection: Collection<MeshResource>
}

/** Whose token this is: the name of the node, or why it is refused (for the log). */
export type Authenticate = (token: string) => Result<string> | Promise<Result<string>>

export interface XdsServerOptions {
  /** In the order in which adds travel; what they are named by comes after them: policies, then addresses. */
  readonly resources: readonly XdsResources[]
  /**
   * Which history the graph's revisions belong to, as `LINEAGE/EPOCH`: by it nodes know a state that is older than
   * the one they have. Absent: nothing is said of it.
   */
  readonly history?: string
  /** Responses are cut at about this size, but for the first of a type; 1 MiB when absent. */
  readonly maxResponseBytes?: number
  /** Names that one stream may subscribe to, or bring along, per type; 500 000 when absent. */
  readonly maxNames?: number
  /** Streams of one node at a time; above it the oldest ends. 4 when absent. */
  readonly maxStreamsPerNode?: number
  /** How long a node may take to acknowledge a response; then its stream ends. 60 s when absent. */
  readonly ackTimeoutMs?: number
}

export interface XdsServerDeps {
  readonly graph: Graph
  readonly authenticate: Authenticate
  readonly clock: Clock
  readonly log: Log
  readonly metrics: MetricsRegistry
}

/**
 * Delta ADS (`envoy.service.discovery.v3`), as a method for a `GrpcServer`.
 * Streams are refused as unavailable until `open`, which is called when every source has synced: half a
 * snapshot would take things away from nodes that have them.
 */
export interface XdsServer extends Disposable {
  readonly methods: GrpcMethods
  readonly receipts: Receipts
  open(): void
  /** Ends all streams; nodes come back to another control plane, or to this one's successor. */
  close(): void
}

interface OpenStream {
  readonly node: string
  readonly stream: AdsStream
  readonly call: GrpcCall
  /** Monotonic time since when it owes an acknowledgement. */
  waitsSinceMs: number | undefined
}

/** Longest that streams hold the event loop in one turn. */
const maxTurnMs = 5
const defaultAckTimeoutMs = 60_000

export function xdsServer(options: XdsServerOptions, deps: XdsServerDeps): XdsServer {
  return new DeltaAdsServer(options, deps)
}

class DeltaAdsServer implements XdsServer {
  readonly methods: GrpcMethods = {
    [aggregatedDiscoveryService.deltaAggregatedResources.path]: (call) => this.#accept(call),
  }
  readonly receipts: ReceiptBook
  readonly #deps: XdsServerDeps
  readonly #limits: AdsStreamLimits
  readonly #maxStreamsPerNode: number
  readonly #history: string | undefined
  readonly #indexes: readonly ResourceIndex[]
  readonly #streams: Map<AdsStream, OpenStream> = new Map()
  readonly #held: DisposableStack = new DisposableStack()
  readonly #metrics: XdsMetrics
  readonly #queue: PumpQueue<OpenStream>
  readonly #ackTimeoutMs: number
  #open: boolean = false

  constructor(options: XdsServerOptions, deps: XdsServerDeps) {
    this.#deps = deps
    this.#metrics = xdsMetrics(deps.metrics)
    this.#history = options.history
    this.#maxStreamsPerNode = options.maxStreamsPerNode ?? 4
    this.#limits = {
      maxResponseBytes: options.maxResponseBytes ?? 1 << 20,
      maxNames: options.maxNames ?? 500_000,
      maxNameChars: 1024,
    }
    this.#ackTimeoutMs = options.ackTimeoutMs ?? defaultAckTimeoutMs
    this.#queue = this.#held.use(
      new PumpQueue<OpenStream>({ clock: deps.clock, maxTurnMs }, (open) => this.#pump(open)),
    )
    this.receipts = new ReceiptBook(deps.clock, deps.graph.revision, (seconds) =>
      this.#metrics.applied(seconds),
    )
    this.#indexes = options.resources.map(({ typeUrl, collection }) =>
      this.#held.use(new ResourceIndex(typeUrl, collection)),
    )
    // Encoded while nobody waits for it; later a change costs a piece of it.
    for (const index of this.#indexes) index.snapshot()
    this.#held.use(
      deps.graph.onTransaction((revision) => {
        this.receipts.made(revision)
        for (const open of this.#streams.values()) this.#queue.add(open)
      }),
    )
    this.#held.use(deps.clock.every(this.#ackTimeoutMs / 10, () => this.#endSilent()))
  }

  open(): void {
    this.#open = true
  }

  close(): void {
    this.#open = false
    for (const { call } of this.#streams.values()) call.end(status.OK, '')
  }

  [Symbol.dispose](): void {
    this.close()
    this.#held.dispose()
  }

  #accept(call: GrpcCall): void {
    this.#identify(call).then(
      (node) => {
        if (node !== undefined) this.#serve(call, node)
      },
      (error: unknown) => {
        this.#deps.log.error('a node could not be authenticated', { error: errorText(error) })
        call.end(status.INTERNAL, 'the token could not be checked')
      },
    )
  }

  async #identify(call: GrpcCall): Promise<string | undefined> {
    const from = call.peer
    if (!this.#open) {
      call.end(status.UNAVAILABLE, 'the control plane is not ready yet')
      return undefined
    }
    const token = bearerToken(call)
    const node = token === undefined ? undefined : await this.#deps.authenticate(token)
    if (node?.ok === true) return node.value
    const reason = node === undefined ? 'no bearer token' : node.error
    this.#deps.log.warn('refused a configuration stream', { from, reason })
    this.#metrics.refused()
    call.end(status.UNAUTHENTICATED, 'expected a valid bearer token of a node')
    return undefined
  }

  #serve(call: GrpcCall, node: string): void {
    const stream = new AdsStream(this.#indexes, {
      limits: this.#limits,
      revision: () => this.#deps.graph.revision,
      history: this.#history,
      send: (typeUrl, parts) => {
        this.#metrics.sent(
          typeUrl,
          parts.reduce((sum, part) => sum + part.length, 0),
        )
        call.send(parts)
      },
      onProgress: () => this.receipts.progressed(node, stream),
      onRejected: (typeUrl, rejected) => {
        this.#metrics.rejected(typeUrl, rejected.length)
        for (const { name, reason } of rejected) {
          this.#deps.log.warn('a node refused a resource', { node, type: typeUrl, name, reason })
        }
      },
      onLost: (reason) => {
        this.#deps.log.warn('a node has to begin anew', { node, reason })
        call.end(status.ABORTED, reason)
        this.#ended(open)
      },
    })
    const open: OpenStream = { node, stream, call, waitsSinceMs: undefined }
    this.#streams.set(stream, open)
    this.#metrics.streams(this.#streams.size)
    this.#limitStreams(this.receipts.opened(node, stream), node)
    this.#deps.log.info('node connected', { node, from: call.peer })
    call.listen({
      onMessage: (message) => this.#receive(open, message),
      onLastMessage: () => call.end(status.OK, ''),
      onEnd: () => this.#ended(open),
    })
  }

  /** A node has one stream, or two while its proxy is replaced; more are a mistake or an attack. */
  #limitStreams(others: readonly AdsStream[], node: string): void {
    for (const stream of others.slice(0, Math.max(0, others.length + 1 - this.#maxStreamsPerNode))) {
      const open = this.#streams.get(stream)
      if (open === undefined) continue
      this.#deps.log.warn('a node has too many configuration streams; the oldest ends', { node })
      open.call.end(status.RESOURCE_EXHAUSTED, 'too many streams of this node')
      this.#ended(open)
    }
  }

  #receive(open: OpenStream, message: Uint8Array): void {
    if (!this.#streams.has(open.stream)) return
    const { node, stream, call } = open
    const request = readAdsRequest(message)
    if (!request.ok) {
      this.#deps.log.warn('a node sent what is no request', { node, reason: request.error })
      call.end(status.INVALID_ARGUMENT, request.error)
      return
    }
    const { typeUrl, nonce } = request.value
    if (stream.isWaiting && nonce !== '') open.waitsSinceMs = undefined
    const accepted = stream.receive(request.value)
    if (!accepted.ok) {
      this.#deps.log.warn('a node asked for too much', { node, reason: accepted.error })
      call.end(status.RESOURCE_EXHAUSTED, accepted.error)
      return
    }
    if (nonce !== '' && stream.hasAcknowledged(typeUrl)) this.receipts.acknowledged(node, stream, typeUrl)
    this.#queue.add(open)
  }

  #pump(open: OpenStream): void {
    open.stream.pump()
    const waits = open.stream.isWaiting
    if (open.stream.isConfirmed) open.call.settled()
    if (!waits) open.waitsSinceMs = undefined
    else open.waitsSinceMs ??= this.#deps.clock.monotonicMs()
  }

  /** A node that does not say what it applied is as good as away: nobody may think that it follows. */
  #endSilent(): void {
    const sinceMs = this.#deps.clock.monotonicMs() - this.#ackTimeoutMs
    for (const open of this.#streams.values()) {
      if (open.waitsSinceMs === undefined || open.waitsSinceMs > sinceMs) continue
      const { node } = open
      this.#deps.log.warn('a node does not acknowledge; its stream ends', {
        node,
        timeoutMs: this.#ackTimeoutMs,
      })
      open.call.end(status.DEADLINE_EXCEEDED, 'expected an acknowledgement')
      this.#ended(open)
    }
  }

  #ended(open: OpenStream): void {
    const { node, stream } = open
    if (!this.#streams.delete(stream)) return
    this.#queue.delete(open)
    stream.end()
    this.#metrics.streams(this.#streams.size)
    this.receipts.closed(node, stream)
    this.#deps.log.info('node disconnected', { node })
  }
}

function bearerToken(call: GrpcCall): string | undefined {
  return /^bearer +(\S{1,16384})$/iu.exec(call.header('authorization') ?? '')?.[1]
}
