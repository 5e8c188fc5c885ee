import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { DigestMark } from '@tulle/mesh-xds'
import { parseRejections } from './nack.ts'
import type { RejectedResource } from './receipt-types.ts'
import type { ResourceIndex } from './resource-index.ts'
import { encodeResponse, splitPayload } from './response.ts'
import type { Payload } from './response.ts'
import { Subscription } from './subscription.ts'
import type { SubscriptionLimits, SubscriptionRequest } from './subscription.ts'

export interface AdsStreamLimits extends SubscriptionLimits {
  /** Responses are cut at about this size, but for the first of a type. */
  readonly maxResponseBytes: number
}

/** A request, as far as this side reads it. */
export interface StreamRequest extends SubscriptionRequest {
  readonly typeUrl: string
  readonly nonce: string
  /** Set on a NACK: which resources were refused, and why. */
  readonly error: string | undefined
}

export interface AdsStreamDeps {
  readonly limits: AdsStreamLimits
  readonly revision: () => number
  /** Whose revisions they are: `LINEAGE/EPOCH`, in front of each; nothing when absent. */
  readonly history?: string | undefined
  /** The parts of one message, which are never written to again. */
  readonly send: (typeUrl: string, message: readonly Uint8Array[]) => void
  /** After anything that a receipt tells of changed. */
  readonly onProgress: () => void
  readonly onRejected: (typeUrl: string, rejected: readonly RejectedResource[]) => void
  /** The stream can't go on; the node has to come back. */
  readonly onLost: (reason: string) => void
}

/** How far the node is with one type. */
export interface TypeProgress {
  readonly typeUrl: string
  readonly subscription: Subscription
  sentRevision: number
  appliedRevision: number
  /** Whether the first answer is made. */
  answered: boolean
  acknowledged: boolean
}

interface Step {
  readonly type: TypeProgress
  readonly payload: Payload
}

interface InFlight extends Step {
  readonly nonce: string
  readonly revision: number
  /** Whether it was a question for versions. */
  readonly asks: boolean
}

const nothing: Payload = { upserts: [], removed: [] }

/**
 * One delta ADS stream, apart from its socket. What changed is sent in rounds: a round holds the values of one
 * revision and travels as
 *
 *     adds and updates of type 0 (policies), then of type 1 (addresses), then removals of type 0
 *
 * each step after the acknowledgement of the one before. So no address arrives before a policy that it names,
 * and no policy goes while an address names it; and since nothing is added to a round under way, neither
 * starves the other. What changes meanwhile waits for the next round, by key. Only a type that a node asks for while its
 * first round is under way goes before that round's removals: it may be of addresses that name what they take. A node that brought digests is asked
 * first for its versions where it differs, so that rounds are the same for it: removals by name, in their turn.
 * At most one response is unacknowledged, so a slow node can fill no buffer of ours.
 */
export class AdsStream {
  readonly #indexes: readonly ResourceIndex[]
  readonly #deps: AdsStreamDeps
  /** By type URL, those that were asked for. */
  readonly #types: Map<string, TypeProgress> = new Map()
  /** The same, in the server's order. */
  #ordered: readonly TypeProgress[] = []
  #steps: Step[] = []
  /** Removals, which come after all other steps. */
  #removals: Step[] = []
  /** A type was asked for since the round began. */
  #askedMeanwhile: boolean = false
  #roundRevision: number = 0
  #inFlight: InFlight | undefined
  #nonce: number = 0

  constructor(indexes: readonly ResourceIndex[], deps: AdsStreamDeps) {
    this.#indexes = indexes
    this.#deps = deps
  }

  /** The types asked for, in the server's order. */
  get types(): readonly TypeProgress[] {
    return this.#ordered
  }

  /** Whether a response waits for its acknowledgement. */
  get isWaiting(): boolean {
    return this.#inFlight !== undefined
  }

  /** Whether the node has acknowledged an answer about this type. */
  hasAcknowledged(typeUrl: string): boolean {
    return this.#types.get(typeUrl)?.acknowledged === true
  }

  /** Whether the node has acknowledged all there is for it. */
  get isConfirmed(): boolean {
    if (this.#inFlight !== undefined || this.#steps.length + this.#removals.length > 0) return false
    return this.#ordered.every((type) => type.acknowledged && !type.subscription.due)
  }

  /** Everything up to here is in force at the node; 0 before each type it asked for had an answer. */
  get appliedRevision(): number {
    if (this.#ordered.length === 0) return 0
    let least = Infinity
    for (const { appliedRevision } of this.#ordered) least = Math.min(least, appliedRevision)
    return least
  }

  /** Takes a request in; call `pump` later. The error is for the peer, and ends the stream. */
  receive(request: StreamRequest): Result<void> {
    const index = this.#indexes.find((candidate) => candidate.typeUrl === request.typeUrl)
    // A type that we do not serve: other control planes do, so the stream stays.
    if (index === undefined) return ok(undefined)
    const answered = this.#acknowledge(request)
    if (!answered.ok) return err(`${request.typeUrl}: ${answered.error}`)
    let type = this.#types.get(request.typeUrl)
    if (type === undefined) {
      const subscription = new Subscription(index, this.#deps.limits)
      type = newProgress(subscription)
      this.#types.set(index.typeUrl, type)
      this.#askedMeanwhile = true
      this.#ordered = this.#indexes.flatMap(({ typeUrl }) => this.#types.get(typeUrl) ?? [])
    } else if (request.subscribe.length === 0 && request.unsubscribe.length === 0) return ok(undefined)
    const accepted = type.subscription.request(request)
    return accepted.ok ? accepted : err(`${request.typeUrl}: ${accepted.error}`)
  }

  /** Nothing is sent any more. */
  end(): void {
    for (const { subscription } of this.#ordered) subscription.end()
  }

  /** Sends what may be sent now, and takes stock. */
  pump(): void {
    if (this.#inFlight === undefined && !this.#askForVersions()) {
      const isOver = this.#removals.length === 0 || this.#askedMeanwhile
      if (this.#steps.length === 0 && isOver) this.#beginRound()
      const step = this.#steps.shift() ?? this.#removals.shift()
      if (step !== undefined) this.#send(step)
    }
    this.#takeStock()
    this.#deps.onProgress()
  }

  #acknowledge(request: StreamRequest): Result<void> {
    const sent = this.#inFlight
    // Another nonce is an answer to something older, or none at all.
    if (sent === undefined || sent.type.typeUrl !== request.typeUrl || sent.nonce !== request.nonce)
      return ok(undefined)
    this.#inFlight = undefined
    const { subscription } = sent.type
    if (sent.asks) return subscription.told(request.initialVersions)
    sent.type.acknowledged = true
    if (request.error === undefined) return ok(undefined)
    const rejected = parseRejections(request.error, subscription.sentResources(sent.payload))
    subscription.reject(rejected)
    this.#deps.onRejected(sent.type.typeUrl, rejected)
    return ok(undefined)
  }

  /** Whether a node has to tell something before it can be sent anything. */
  #askForVersions(): boolean {
    for (const type of this.#ordered) {
      const buckets = type.subscription.untold
      if (buckets === undefined) continue
      this.#transmit({ type, payload: nothing }, this.#deps.revision(), { kind: 'tell', buckets })
      return true
    }
    return false
  }

  #beginRound(): void {
    this.#roundRevision = this.#deps.revision()
    this.#askedMeanwhile = false
    const taken: Step[] = []
    for (const type of this.#ordered) {
      const payload = type.subscription.take()
      if (!payload.ok) return this.#deps.onLost(payload.error)
      if (payload.value !== undefined) taken.push({ type, payload: payload.value })
    }
    if (taken.length === 0) return
    const last = this.#indexes.at(-1)?.typeUrl
    const early = taken.flatMap((step) => this.#split(step.type.typeUrl === last ? step : upsertsOf(step)))
    const late = taken.filter((step) => step.type.typeUrl !== last).toReversed()
    const left = this.#removals.map((step) => withoutAdded(step, taken))
    this.#steps = early
    this.#removals = [...left, ...late.map(removalsOf)].flatMap((step) => this.#split(step))
  }

  /** The first answer stays whole, and is sent even when empty: ztunnel counts it as the full state. */
  #split({ type, payload }: Step): readonly Step[] {
    const empty =
      payload.upserts.length === 0 && payload.removed.length === 0 && payload.everything === undefined
    if (!type.answered) {
      type.answered = true
      return [{ type, payload }]
    }
    if (empty) return []
    const pieces = splitPayload(type.subscription.index, payload, this.#deps.limits.maxResponseBytes)
    return pieces.map((piece) => ({ type, payload: piece }))
  }

  #send(step: Step): void {
    const { type } = step
    type.sentRevision = this.#roundRevision
    const { mode, resumed } = type.subscription
    const isFirst = !type.acknowledged && mode === 'all'
    const mark = isFirst ? ({ kind: resumed ? 'resumed' : 'taken' } as const) : undefined
    this.#transmit(step, this.#roundRevision, mark)
  }

  #transmit({ type, payload }: Step, revision: number, mark: DigestMark | undefined): void {
    const nonce = String(++this.#nonce)
    // What is shared need not be kept while it is under way.
    const kept = payload.everything === undefined ? payload : { ...payload, everything: [] }
    this.#inFlight = { type, payload: kept, nonce, revision, asks: mark?.kind === 'tell' }
    const head = { version: this.#versionOf(revision), nonce, mark }
    this.#deps.send(type.typeUrl, encodeResponse(type.subscription.index, head, payload))
  }

  #versionOf(revision: number): string {
    const { history } = this.#deps
    return history === undefined ? String(revision) : `${history}/${revision}`
  }

  /** A type with nothing under way and nothing waiting is up to date, whatever changed elsewhere. */
  #takeStock(): void {
    const revision = this.#deps.revision()
    for (const type of this.#ordered) {
      if (!type.acknowledged) continue
      const underWay =
        this.#inFlight?.type === type ||
        this.#steps.some((step) => step.type === type) ||
        this.#removals.some((step) => step.type === type)
      if (underWay) continue
      type.appliedRevision = type.subscription.due
        ? Math.max(type.appliedRevision, this.#roundRevision)
        : revision
    }
  }
}

function newProgress(subscription: Subscription): TypeProgress {
  const { typeUrl } = subscription.index
  return { typeUrl, subscription, sentRevision: 0, appliedRevision: 0, answered: false, acknowledged: false }
}

function upsertsOf({ type, payload }: Step): Step {
  return { type, payload: { ...payload, removed: [] } }
}

/** What came back since it was to be removed stays. */
function withoutAdded({ type, payload }: Step, taken: readonly Step[]): Step {
  const added = new Set<string>()
  for (const other of taken)
    if (other.type === type) for (const { name } of other.payload.upserts) added.add(name)
  return { type, payload: { upserts: [], removed: payload.removed.filter((name) => !added.has(name)) } }
}

function removalsOf({ type, payload }: Step): Step {
  return { type, payload: { upserts: [], removed: payload.removed } }
}
