/** The node proxy's side of ZDS: hears which workloads are on this node, and gets their namespaces. */
import { Backoff, errorText, linkedController } from '@tulle/core'
import type { Clock, LinkedController, Rng } from '@tulle/core'
import { fstatSync } from 'node:fs'
import { kernelProtocolError } from './errors.ts'
import type { FdMessage } from './fd-messages.ts'
import { checkNetns, closeFd } from './netns.ts'
import type { NetnsFd } from './netns.ts'
import { connectPackets } from './packet-socket.ts'
import type { PacketSocket } from './packet-socket.ts'
import { decodeRequest, encodeAck, encodeHello, zdsMessageBytes } from './zds-messages.ts'
import type { ZdsIdentity, ZdsRequest } from './zds-messages.ts'

export interface ZdsWorkload extends ZdsIdentity {
  /** Stays open until the workload is deleted; the client closes it. */
  readonly netns: NetnsFd
}

export interface ZdsClientOptions {
  readonly path: string
  readonly clock: Clock
  readonly rng: Rng
  /** Resolves when the workload's listeners are there. A rejection goes back as the error, and is tried again. */
  onAdd(workload: ZdsWorkload): Promise<void>
  onDelete(uid: string): Promise<void>
  /** The whole state of the node has been heard since the connection was made. */
  onSnapshotSent?(): void
  onConnected?(): void
  onDisconnected?(reason: string): void
}

export interface ZdsClient extends AsyncDisposable {
  /** Starts connecting, and goes on until the signal aborts. */
  start(signal: AbortSignal): void
  /** Resolves with the first snapshot: from then on the proxy is ready. */
  readonly ready: Promise<void>
  readonly connected: boolean
  /** Hears of no more changes; the namespaces that are known stay open until the client is disposed of. */
  leave(): Promise<void>
}

const backoff = { firstMs: 10, maxMs: 15_000 }
const retryMs = 5000

export function zdsClient(options: ZdsClientOptions): ZdsClient {
  return new Client(options)
}

interface Entry {
  readonly workload: ZdsWorkload
  applied: boolean
}

class Client implements ZdsClient {
  readonly #options: ZdsClientOptions
  readonly #workloads: Map<string, Entry> = new Map()
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers()
  #connected: boolean = false
  #controller: LinkedController | undefined
  #running: Promise<void> = Promise.resolve()
  // Messages and retries take turns.
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: ZdsClientOptions) {
    this.#options = options
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get connected(): boolean {
    return this.#connected
  }

  start(signal: AbortSignal): void {
    this.#controller = linkedController(signal)
    this.#running = this.#run(this.#controller.signal)
  }

  async leave(): Promise<void> {
    this.#controller?.abort()
    this.#controller?.[Symbol.dispose]()
    await this.#running
    await this.#turn
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave()
    for (const { workload } of this.#workloads.values()) closeFd(workload.netns)
    this.#workloads.clear()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, rng } = this.#options
    const pauses = new Backoff(backoff, rng)
    using _retry = clock.every(retryMs, () => void this.#inTurn(() => this.#retryFailed()))
    while (!signal.aborted) {
      const reason = await this.#session(signal, pauses)
      if (signal.aborted) return
      this.#options.onDisconnected?.(reason)
      await clock.sleep(pauses.nextMs(), { signal }).catch(() => undefined) // rejects only by the abort
    }
  }

  /** One connection, from hello to its end; says why it ended. */
  async #session(signal: AbortSignal, pauses: Backoff): Promise<string> {
    try {
      using socket = connectPackets(this.#options.path)
      const onAbort = (): void => socket[Symbol.dispose]()
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        socket.send(encodeHello())
        this.#connected = true
        this.#options.onConnected?.()
        await this.#converse(socket, pauses)
        return 'the other side ended the connection'
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
    } catch (error) {
      return errorText(error)
    } finally {
      this.#connected = false
    }
  }

  async #converse(socket: PacketSocket, pauses: Backoff): Promise<void> {
    const mentioned = new Set<string>()
    for (;;) {
      const message = await socket.receive(zdsMessageBytes)
      if (message === undefined) return
      const error = await this.#inTurn(() => this.#handle(message, mentioned))
      if (!socket.open) return
      socket.send(encodeAck(error))
      pauses.reset()
    }
  }

  /** What to acknowledge: '' or the error. Owns the message's descriptors. */
  async #handle(message: FdMessage, mentioned: Set<string>): Promise<string> {
    const [netns, ...surplus] = message.fds
    surplus.forEach(closeFd)
    const request = decodeRequest(message.bytes)
    const isAdd = request.ok && !message.truncated && request.value.kind === 'add'
    if (!isAdd && netns !== undefined) closeFd(netns)
    if (message.truncated) throw kernelProtocolError(`ZDS: a message of more than ${zdsMessageBytes} bytes`)
    if (!request.ok) return request.error
    try {
      await this.#apply(request.value, netns, mentioned)
      return ''
    } catch (error) {
      return errorText(error) || 'failed'
    }
  }

  async #apply(request: ZdsRequest, netns: number | undefined, mentioned: Set<string>): Promise<void> {
    switch (request.kind) {
      case 'add':
        mentioned.add(request.workload.uid)
        await this.#add(request.workload, netns)
        return
      case 'keep':
        mentioned.add(request.uid)
        return
      case 'delete':
        await this.#delete(request.uid)
        return
      case 'snapshot-sent':
        for (const uid of this.#workloads.keys()) if (!mentioned.has(uid)) await this.#delete(uid)
        this.#options.onSnapshotSent?.()
        this.#ready.resolve()
    }
  }

  async #add(identity: ZdsIdentity, netns: number | undefined): Promise<void> {
    if (netns === undefined)
      throw kernelProtocolError('AddWorkload came without a descriptor of its namespace')
    const entry: Entry = { workload: { ...identity, netns }, applied: false }
    const known = this.#workloads.get(identity.uid)
    try {
      checkNetns(netns)
      if (known !== undefined && !sameWorkload(known.workload, entry.workload))
        await this.#delete(identity.uid)
    } catch (error) {
      closeFd(netns)
      throw error
    }
    if (this.#workloads.has(identity.uid)) closeFd(netns)
    else this.#workloads.set(identity.uid, entry)
    await this.#ensureApplied(this.#workloads.get(identity.uid) ?? entry)
  }

  async #ensureApplied(entry: Entry): Promise<void> {
    if (entry.applied) return
    await this.#options.onAdd(entry.workload)
    entry.applied = true
  }

  async #delete(uid: string): Promise<void> {
    const entry = this.#workloads.get(uid)
    if (entry === undefined) return
    this.#workloads.delete(uid)
    try {
      await this.#options.onDelete(uid)
    } finally {
      closeFd(entry.workload.netns)
    }
  }

  async #retryFailed(): Promise<void> {
    for (const entry of this.#workloads.values()) {
      // What fails again is tried again; its error was reported with the ack.
      await this.#ensureApplied(entry).catch(() => undefined)
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined) // the caller hears of it
    return result
  }
}

/** A namespace is known by its inode; the same workload comes again with each new connection. */
function sameWorkload(a: ZdsWorkload, b: ZdsWorkload): boolean {
  if (a.name !== b.name || a.namespace !== b.namespace || a.serviceAccount !== b.serviceAccount) return false
  const left = fstatSync(a.netns)
  const right = fstatSync(b.netns)
  return left.ino === right.ino && left.dev === right.dev
}
