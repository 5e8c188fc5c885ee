/** Keeps listening sockets open while the process that accepts from them is away: what comes waits in their queues. */
import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { FdMessage } from './fd-messages.ts'
import { closeFd } from './netns.ts'
import { listenPackets } from './packet-socket.ts'
import type { PacketSocket } from './packet-socket.ts'
import { peerCredentials } from './process.ts'
import {
  decodeKeeperRequest,
  encodeKeeper,
  keeperFormat,
  keeperMessageBytes,
} from './socket-keeper-messages.ts'
import type { KeeperReply, KeeperRequest } from './socket-keeper-messages.ts'

export interface SocketKeeperOptions {
  /** Where proxies knock; 0600. */
  readonly path: string
  /** Proxies of another node are refused. */
  readonly node: string
  readonly clock: Clock
  /** What is left by a proxy that ended is let go of after this, unless another one took it on. */
  readonly awayMs?: number
  /** Of all owners together. */
  readonly maxSockets?: number
  /** A proxy was sent away, or told no. */
  onRefused?(reason: string): void
}

export interface SocketKeeper extends Disposable {
  /** Descriptors that are kept. */
  readonly sockets: number
  /** The owner is gone: nothing is kept for it, and who waits there is refused. */
  drop(owner: string): void
}

const awayMsByDefault = 60_000
/** A hundred workloads of eighty threads, or ten times as many of eight. */
const maxSocketsByDefault = 32_768
/** A proxy, the one that replaces it, and room for strays. */
const maxConnections = 8

export function socketKeeper(options: SocketKeeperOptions): SocketKeeper {
  return new Keeper(options)
}

interface Kept {
  readonly labels: readonly string[]
  readonly fds: readonly number[]
  /** Who brought them, and accepts from them while it is there. */
  readonly by: PacketSocket
}

class Keeper implements SocketKeeper {
  readonly #options: SocketKeeperOptions
  readonly #kept: Map<string, Kept> = new Map()
  readonly #open: Set<PacketSocket> = new Set()
  readonly #away: Set<Disposable> = new Set()
  readonly #listener: Disposable
  #sockets: number = 0
  #over: boolean = false

  constructor(options: SocketKeeperOptions) {
    this.#options = options
    this.#listener = listenPackets(options.path, (socket) => void this.#serve(socket))
  }

  get sockets(): number {
    return this.#sockets
  }

  drop(owner: string): void {
    const kept = this.#kept.get(owner)
    if (kept === undefined) return
    this.#kept.delete(owner)
    this.#sockets -= kept.fds.length
    kept.fds.forEach(closeFd)
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#listener[Symbol.dispose]()
    for (const socket of this.#open) socket[Symbol.dispose]()
    for (const timer of this.#away) timer[Symbol.dispose]()
    for (const owner of this.#kept.keys()) this.drop(owner)
  }

  async #serve(socket: PacketSocket): Promise<void> {
    if (this.#open.size >= maxConnections) {
      socket[Symbol.dispose]()
      return
    }
    this.#open.add(socket)
    try {
      await this.#converse(socket)
    } catch (error) {
      this.#options.onRefused?.(errorText(error))
    } finally {
      socket[Symbol.dispose]()
      this.#open.delete(socket)
      this.#left(socket)
    }
  }

  async #converse(socket: PacketSocket): Promise<void> {
    const { uid } = peerCredentials(socket.fd)
    if (uid !== process.getuid?.() && uid !== 0) throw new Error(`refused a peer of user ${uid}`)
    for (let greeted = false; ; greeted = true) {
      const message = await socket.receive(keeperMessageBytes)
      if (message === undefined) return
      const request = decodeKeeperRequest(message.bytes)
      const problem = request.ok ? this.#problemWith(request.value, message, greeted) : request.error
      if (!request.ok || problem !== undefined) {
        message.fds.forEach(closeFd)
        this.#options.onRefused?.(problem ?? '')
        answer(socket, { kind: 'refused', reason: problem ?? '' })
        if (!greeted || !request.ok) return
      } else this.#do(socket, request.value, message.fds)
    }
  }

  #problemWith(request: KeeperRequest, { fds, truncated }: FdMessage, greeted: boolean): string | undefined {
    if ((request.kind === 'hello') === greeted) return `found ${request.kind} where it has no place`
    if (truncated) return 'a message of more than fits'
    const wanted = request.kind === 'keep' ? request.labels.length : 0
    if (fds.length !== wanted) return `expected ${wanted} descriptors, found ${fds.length}`
    if (request.kind === 'hello') return this.#strangerIn(request)
    const { maxSockets = maxSocketsByDefault } = this.#options
    const before = this.#kept.get(request.owner)?.fds.length ?? 0
    const after = this.#sockets - before + wanted
    return wanted > 0 && after > maxSockets ? `${maxSockets} sockets are kept already` : undefined
  }

  #strangerIn({ format, node }: Extract<KeeperRequest, { kind: 'hello' }>): string | undefined {
    if (format !== keeperFormat) return `expected format ${keeperFormat}, found ${format}`
    if (node === this.#options.node) return undefined
    return `expected a proxy of node ${this.#options.node}, found one of ${node}`
  }

  #do(socket: PacketSocket, request: KeeperRequest, fds: readonly number[]): void {
    switch (request.kind) {
      case 'hello':
        break
      case 'take': {
        const kept = this.#kept.get(request.owner)
        answer(socket, { kind: 'sockets', labels: kept?.labels ?? [] }, kept?.fds)
        return
      }
      case 'keep':
        this.drop(request.owner)
        if (fds.length > 0) this.#kept.set(request.owner, { labels: request.labels, fds, by: socket })
        this.#sockets += fds.length
        break
      case 'drop':
        this.drop(request.owner)
    }
    answer(socket, { kind: 'done' })
  }

  /** Who waits for a proxy that does not come back is told so, in the end. */
  #left(socket: PacketSocket): void {
    if (this.#over || !this.#kept.values().some(({ by }) => by === socket)) return
    const { clock, awayMs = awayMsByDefault } = this.#options
    const timer = clock.after(awayMs, () => {
      this.#away.delete(timer)
      for (const [owner, { by }] of this.#kept) if (by === socket) this.drop(owner)
    })
    this.#away.add(timer)
  }
}

/** Throws when the peer is gone or reads nothing, which ends the conversation. */
function answer(socket: PacketSocket, reply: KeeperReply, fds: readonly number[] = []): void {
  socket.send(encodeKeeper(reply), fds)
}
