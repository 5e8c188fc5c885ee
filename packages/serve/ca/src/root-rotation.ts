import { errorText, linkedController } from '@tulle/core'
import type { Clock, LinkedController } from '@tulle/core'
import type { SpiffeId } from '@tulle/identity'
import type { Component, Log } from '@tulle/runtime'
import type { CertificateAuthority, Rotation } from './authority.ts'
import type { NodeCaller } from './node-tokens.ts'

/**
 * Where a replacement stands. `spreading`: every node is to believe both roots. `renewing`: the new one signs, every
 * workload is to get a certificate of it. `retiring`: the old root has left, and nodes are to forget it.
 */
export type RotationStage = 'spreading' | 'renewing' | 'retiring'

export interface RotationStatus {
  readonly stage: RotationStage
  readonly from: string
  readonly to: string
  readonly startedMs: number
  /** When this stage ends whoever has not answered: no certificate is left by then that it waits for. */
  readonly atTheLatestMs: number
  /** For whom it waits: nodes, or `identity on node`; the first of them. */
  readonly waitsFor: readonly string[]
}

/** Who needs a certificate. */
export interface Holder {
  readonly node: string
  readonly identity: SpiffeId
}

export interface RootRotationDeps {
  readonly authority: CertificateAuthority
  readonly clock: Clock
  readonly log: Log
  /** Nodes that have workloads and don't have the roots in force as the authority has them now. */
  readonly behind: () => readonly string[]
  /** Every workload's certificate that has to be there. */
  readonly holders: () => readonly Holder[]
}

/** What a worker of a node proxy has not taken over by then, nobody waits for. */
const settleMs = 5000
/** Receipts come by the thousand; how things stand is looked at this often. */
const lookMs = 1000
const maxNamed = 10

/**
 * Replaces the root that signs, so that at no moment two workloads don't believe each other: each step is taken only
 * when everybody who matters has the one before, by the nodes' receipts and by what the CA has signed. Whoever does
 * not answer is waited for until the certificates that it could have are over. It goes on after a restart.
 */
export class RootRotation implements Component {
  readonly name: string = 'root rotation'
  readonly #deps: RootRotationDeps
  /** Who has got a certificate of the new root, as `node identity`. */
  readonly #renewed: Set<string> = new Set()
  #retiring: Rotation | undefined
  #life: LinkedController | undefined
  #running: Promise<void> | undefined

  constructor(deps: RootRotationDeps) {
    this.#deps = deps
  }

  get status(): RotationStatus | undefined {
    const rotation = this.#deps.authority.rotation ?? this.#retiring
    if (rotation === undefined) return undefined
    const stage = this.#stageOf(rotation)
    const sinceMs = stage === 'spreading' ? rotation.startedMs : (rotation.switchedMs ?? rotation.startedMs)
    const { from, to, startedMs } = rotation
    const atTheLatestMs = sinceMs + this.#deps.authority.leafTtlMs
    return { stage, from, to, startedMs, atTheLatestMs, waitsFor: this.#waitsFor(stage).slice(0, maxNamed) }
  }

  /** Goes on with what was under way when the process ended. */
  start(signal: AbortSignal): Promise<void> {
    this.#life = linkedController(signal)
    if (this.#deps.authority.rotation !== undefined) this.#go(this.#life.signal)
    return Promise.resolve()
  }

  async drain(): Promise<void> {
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life?.abort(new Error('the process ends'))
    this.#life?.[Symbol.dispose]()
    await this.#running
  }

  /** Resolves when the new root is made and on its way. Rejects with CA_ROTATION while another one is under way. */
  async begin(): Promise<void> {
    await this.#deps.authority.beginRotation()
    if (this.#life !== undefined) this.#go(this.#life.signal)
  }

  /** The CA has signed for this one. */
  issued({ node }: NodeCaller, identity: SpiffeId): void {
    if (this.#deps.authority.rotation?.switchedMs === undefined) return
    this.#renewed.add(holderKey({ node, identity }))
  }

  #go(signal: AbortSignal): void {
    this.#running = this.#run(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#deps.log.error('the root was not replaced', { error: errorText(error) })
    })
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { authority, log } = this.#deps
    const rotation = authority.rotation
    if (rotation === undefined) return
    const names = { from: rotation.from, to: rotation.to }
    if (rotation.switchedMs === undefined) {
      log.info('a root is being replaced: every node is to believe both', names)
      await this.#done('spreading', rotation.startedMs, signal)
      this.#renewed.clear()
      await authority.switchSigner()
    }
    log.info('the new root signs: every workload is to get a certificate of it', names)
    await this.#done('renewing', authority.rotation?.switchedMs ?? this.#deps.clock.nowMs(), signal)
    this.#retiring = authority.rotation
    await authority.endRotation()
    try {
      await this.#done('retiring', this.#deps.clock.nowMs(), signal)
    } finally {
      this.#retiring = undefined
    }
    log.info('the root is replaced', names)
  }

  /** Waits until nobody is waited for, for a while without a break, or until it is too late to matter. */
  async #done(stage: RotationStage, sinceMs: number, signal: AbortSignal): Promise<void> {
    const { authority, clock, log } = this.#deps
    const endMs = sinceMs + authority.leafTtlMs
    let quietSinceMs: number | undefined
    while (clock.nowMs() < endMs) {
      if (this.#waitsFor(stage).length > 0) quietSinceMs = undefined
      else {
        quietSinceMs ??= clock.monotonicMs()
        if (clock.monotonicMs() - quietSinceMs >= settleMs) return
      }
      await clock.sleep(lookMs, { signal })
    }
    const waitsFor = this.#waitsFor(stage).slice(0, maxNamed)
    log.warn('not everybody answered in a whole lifetime of a certificate; the replacement goes on', {
      waitsFor,
    })
  }

  #stageOf(rotation: Rotation): RotationStage {
    if (this.#retiring !== undefined) return 'retiring'
    return rotation.switchedMs === undefined ? 'spreading' : 'renewing'
  }

  #waitsFor(stage: RotationStage): readonly string[] {
    const behind = this.#deps.behind()
    if (stage !== 'renewing') return behind
    const holders = this.#deps.holders().filter((holder) => !this.#renewed.has(holderKey(holder)))
    return [...behind, ...holders.map(({ node, identity }) => `${identity} on ${node}`)]
  }
}

function holderKey({ node, identity }: Holder): string {
  return `${node} ${identity}`
}
