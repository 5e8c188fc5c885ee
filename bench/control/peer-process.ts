/** Many subscribed nodes in one process; the bench tells it what to do over its IPC channel. */
import { createSecureContext } from 'node:tls'
import { reconnectPauses } from '@tulle/control-client'
import { Backoff, systemClock, systemRng } from '@tulle/core'
import { addressType, minDigestedNames, StateDigests } from '@tulle/mesh-xds'
import type { Buckets } from '@tulle/mesh-xds'
import { machineMs } from '../support/machine-clock.ts'
import { markPrefix } from './mesh-files.ts'
import type { Arrived } from './message-reader.ts'
import { Peer } from './peer.ts'
import type { Brought, PeerDeps, PeerPlan } from './peer.ts'
import type { PeerCommand, PeerReport } from './peer-messages.ts'
import { encodeDigests, encodeInitialVersions, readResources } from './wire.ts'

const mark = Buffer.from(markPrefix)

class Population {
  readonly #plans: readonly PeerPlan[]
  readonly #deps: PeerDeps
  readonly #peers: Map<string, Peer> = new Map()
  /** What the first peer that subscribes to everything knows: all such peers know the same. */
  readonly #known: Map<string, Map<string, string>> = new Map()
  /** What it was sent and nobody has read yet: a node would read it with a core of its own. */
  readonly #unread: { readonly typeUrl: string; readonly bytes: Buffer }[] = []
  /** The same for all peers that know the same; on machines of their own each makes it, in some 100 ms. */
  readonly #brought: Map<string, Brought> = new Map()
  readonly #states: Map<string, StateDigests> = new Map()
  /** The same for buckets of them that the server asks about. */
  readonly #encodedBuckets: Map<string, Map<number, Uint8Array>> = new Map()
  readonly #scribe: string | undefined
  readonly #backoffs: Map<string, Backoff> = new Map()
  #takesDigests: boolean = false
  #marks: number[] = []
  #markedBytes: number = 0
  #bytes: number = 0
  #settledAtMs: number[] = []
  #connects: number = 0
  #onSettled: () => void = () => undefined

  constructor(command: Extract<PeerCommand, { kind: 'connect' }>) {
    this.#plans = command.peers
    this.#scribe = command.peers.find(({ names, slow }) => names === undefined && slow !== true)?.node
    this.#deps = {
      port: command.port,
      secureContext: createSecureContext({ ca: command.rootsPem, minVersion: 'TLSv1.3' }),
      bring: (plan, typeUrl) => this.#bring(plan, typeUrl),
      versionsIn: (typeUrl, buckets) => this.#versionsIn(typeUrl, buckets),
      onDigestsTaken: () => (this.#takesDigests = true),
      onMessage: (peer, typeUrl, message) => this.#onMessage(peer, typeUrl, message),
      onEnd: (peer) => this.#onEnd(peer),
    }
    for (const plan of this.#plans) this.#open(plan)
  }

  /** From now on until all peers have had an answer to everything they asked for. */
  async settled(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onSettled = () => {
        if (this.#allSettled()) resolve()
      }
      this.#onSettled()
    })
  }

  /** Peers come back with what they know, from the next connect on. */
  keepState(): void {
    for (const { typeUrl, bytes } of this.#unread.splice(0)) this.#read(typeUrl, bytes)
    for (const [typeUrl, known] of this.#known) {
      if (this.#takesDigests && known.size >= minDigestedNames) {
        const state = StateDigests.of(known)
        this.#states.set(typeUrl, state)
        this.#encodedBuckets.delete(typeUrl)
        this.#brought.set(typeUrl, { versions: new Uint8Array(), digests: encodeDigests(state.toText()) })
      } else this.#brought.set(typeUrl, { versions: encodeInitialVersions(known) })
    }
    this.#settledAtMs = []
    this.#connects = 0
  }

  /** As if all of them were gone: their connections end, and they come back at once. */
  drop(): void {
    for (const peer of this.#peers.values()) peer.close()
  }

  report(): PeerReport {
    const marks = Float64Array.from(this.#marks)
    const report = {
      marks,
      markedBytes: this.#markedBytes,
      bytes: this.#bytes,
      settledAtMs: this.#settledAtMs,
      connects: this.#connects,
    }
    this.#marks = []
    this.#markedBytes = 0
    this.#bytes = 0
    return report
  }

  #open(plan: PeerPlan): void {
    this.#connects++
    this.#peers.set(plan.node, new Peer(plan, this.#deps, plan.node === this.#scribe))
  }

  #onEnd({ plan, settled }: Peer): void {
    this.#peers.delete(plan.node)
    const backoff = this.#backoffs.get(plan.node) ?? new Backoff(reconnectPauses, systemRng)
    this.#backoffs.set(plan.node, backoff)
    if (settled) backoff.reset()
    systemClock.after(backoff.nextMs(), () => this.#open(plan))
  }

  #onMessage(peer: Peer, typeUrl: string, message: Arrived): void {
    const nowMs = machineMs()
    this.#bytes += message.sizeBytes
    if (peer.settled && !this.#wasSettled.has(peer)) {
      this.#wasSettled.add(peer)
      this.#settledAtMs.push(nowMs)
      this.#onSettled()
    }
    if (peer.plan.node === this.#scribe) this.#unread.push({ typeUrl, bytes: message.bytes })
    if (message.whole && typeUrl === addressType && message.sizeBytes < 65_536)
      this.#findMarks(peer, message, nowMs)
  }

  readonly #wasSettled: WeakSet<Peer> = new WeakSet()

  #findMarks(peer: Peer, { bytes, sizeBytes }: Arrived, nowMs: number): void {
    let found = 0
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) {
      const number = Number.parseInt(bytes.toString('latin1', at + mark.length, at + mark.length + 9), 10)
      this.#marks.push(number, nowMs)
      found++
    }
    if (found > 0 && peer.plan.names === undefined) this.#markedBytes += sizeBytes
  }

  #read(typeUrl: string, bytes: Buffer): void {
    const known = this.#known.get(typeUrl) ?? new Map<string, string>()
    this.#known.set(typeUrl, known)
    const { resources, removed } = readResources(bytes)
    for (const { name, version } of resources) known.set(name, version)
    for (const name of removed) known.delete(name)
  }

  #bring({ names }: PeerPlan, typeUrl: string): Brought {
    const brought = this.#brought.get(typeUrl) ?? { versions: new Uint8Array() }
    if (names === undefined || typeUrl !== addressType) return brought
    if (this.#brought.size === 0) return brought
    const known = this.#known.get(typeUrl)
    const own = names.flatMap((name) => {
      const version = known?.get(name)
      return version === undefined ? [] : [[name, version] as const]
    })
    return { versions: encodeInitialVersions(own) }
  }

  #versionsIn(typeUrl: string, buckets: Buckets): Uint8Array {
    const encoded = this.#encodedBuckets.get(typeUrl) ?? new Map<number, Uint8Array>()
    this.#encodedBuckets.set(typeUrl, encoded)
    const state = this.#states.get(typeUrl)
    const parts = Array.from(buckets, (bucket) => {
      const bytes = encoded.get(bucket) ?? encodeInitialVersions(state?.entries(bucket) ?? [])
      encoded.set(bucket, bytes)
      return bytes
    })
    return Buffer.concat(parts)
  }

  #allSettled(): boolean {
    return this.#plans.every(({ node, slow }) => slow === true || this.#peers.get(node)?.settled === true)
  }
}

function send(message: unknown): void {
  process.send?.(message)
}

let population: Population | undefined

process.on('message', (command: PeerCommand) => {
  switch (command.kind) {
    case 'connect':
      population = new Population(command)
      break
    case 'settle':
      void population?.settled().then(() => send({ kind: 'settled', atMs: machineMs() }))
      break
    case 'keep':
      population?.keepState()
      send({ kind: 'kept' })
      break
    case 'drop':
      population?.drop()
      break
    case 'report':
      send({ kind: 'report', report: population?.report() })
      break
  }
})
process.on('disconnect', () => process.exit(0))
send({ kind: 'ready' })
