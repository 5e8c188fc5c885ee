import { errorText } from '@tulle/core'
import { closeFd, listenPackets, maxFds, peerCredentials } from '@tulle/kernel'
import type { PacketSocket } from '@tulle/kernel'
import type { DataPlane, ListeningSocket } from '@tulle/l4'
import type { Component, Log } from '@tulle/runtime'
import { decodeRequest, encodeHandover, handoverFormat, maxMessageBytes } from './messages.ts'
import type { HandoverReply, HandoverRequest } from './messages.ts'

export interface GiverOptions {
  /** Where the next process knocks; 0600. */
  readonly path: string
  readonly node: string
  readonly version: string
  /** How long what is open lives on afterwards. */
  readonly drainMs: number
}

export interface GiverDeps {
  readonly dataPlane: Pick<DataPlane, 'exportListeners' | 'connections'>
  readonly log: Log
  /** A successor came: what it will read from the disk must be there. */
  onHello(): void
  /**
   * The successor serves: lets go of everything but open connections, then waits for those up to the deadline.
   * `released` resolves when nothing is accepted here any more, `drained` with how many connections were cut.
   */
  onServing(): { readonly released: Promise<void>; readonly drained: Promise<number> }
  /** All of it is over. */
  onEnd(): void
}

/**
 * The side of a handover that has the sockets. Until the successor says that it serves, nothing is given up:
 * descriptors are duplicates, and whatever goes wrong leaves this process as it was.
 */
export class Giver implements Component {
  readonly name: string = 'handover'
  readonly #options: GiverOptions
  readonly #deps: GiverDeps
  #listener: Disposable | undefined
  #successor: PacketSocket | undefined
  #given: boolean = false

  constructor(options: GiverOptions, deps: GiverDeps) {
    this.#options = options
    this.#deps = deps
  }

  async start(): Promise<void> {
    this.open()
  }

  /** Begins to listen for successors. */
  open(): void {
    this.#listener ??= listenPackets(this.#options.path, (socket) => void this.#serve(socket))
  }

  async drain(): Promise<void> {
    this.#stopListening()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening()
    // One that has taken over is still to hear how the draining ended.
    if (!this.#given) this.#successor?.[Symbol.dispose]()
  }

  #stopListening(): void {
    this.#listener?.[Symbol.dispose]()
    this.#listener = undefined
  }

  async #serve(socket: PacketSocket): Promise<void> {
    if (this.#successor !== undefined) {
      // Closed with its hello unread, the socket would say ECONNRESET instead of the reason.
      await socket.receive(maxMessageBytes).catch(() => undefined)
      refuse(socket, 'another process is taking over already')
      socket[Symbol.dispose]()
      return
    }
    this.#successor = socket
    try {
      const end = await this.#converse(socket)
      if (!this.#given)
        this.#deps.log.warn('a process that was to take over did not; nothing changed here', { reason: end })
    } catch (error) {
      this.#deps.log.warn('a handover came to nothing; nothing changed here', { error: errorText(error) })
    } finally {
      socket[Symbol.dispose]()
      this.#successor = undefined
    }
  }

  /** Says why the conversation ended. */
  async #converse(socket: PacketSocket): Promise<string> {
    const { uid } = peerCredentials(socket.fd)
    if (uid !== process.getuid?.() && uid !== 0) return `it runs as user ${uid}`
    let greeted = false
    for (;;) {
      const message = await socket.receive(maxMessageBytes)
      if (message === undefined) return 'it ended the connection'
      message.fds.forEach(closeFd)
      const request = decodeRequest(message.bytes)
      const problem = request.ok ? this.#problemWith(request.value, greeted) : request.error
      if (!request.ok || problem !== undefined) {
        refuse(socket, problem ?? '')
        return problem ?? ''
      }
      greeted = true
      if (request.value.kind === 'serving') {
        await this.#letGo(socket)
        return 'it serves'
      }
      await this.#answer(socket, request.value)
    }
  }

  #problemWith(request: HandoverRequest, greeted: boolean): string | undefined {
    if (request.kind !== 'hello') return greeted ? undefined : `expected a hello, found ${request.kind}`
    if (request.format !== handoverFormat)
      return `expected format ${handoverFormat} of the handover (tulle ${this.#options.version}), found ${request.format} (tulle ${request.version})`
    if (request.node !== this.#options.node)
      return `expected a proxy of node ${this.#options.node}, found one of ${request.node}`
    return undefined
  }

  async #answer(socket: PacketSocket, request: Exclude<HandoverRequest, { kind: 'serving' }>): Promise<void> {
    switch (request.kind) {
      case 'hello':
        this.#deps.onHello()
        this.#deps.log.info('another process is about to take over', { version: request.version })
        send(socket, { kind: 'welcome', version: this.#options.version, pid: process.pid })
        return
      case 'serves':
        return this.#withListeners(request.uid, (listeners) =>
          send(socket, { kind: 'serves', known: listeners.length > 0 }),
        )
      case 'take':
        return this.#withListeners(request.uid, (sockets) => {
          const listeners = sockets.map(({ role, worker, address: { ip, port } }) => ({
            role,
            worker,
            ip,
            port,
          }))
          const fds = sockets.map(({ fd }) => fd)
          send(socket, { kind: 'listeners', listeners }, fds)
        })
    }
  }

  /** Duplicates, since the workload may go, and its numbers be used for something else, before they are sent. */
  async #withListeners(uid: string, use: (sockets: readonly ListeningSocket[]) => void): Promise<void> {
    const sockets = await this.#deps.dataPlane.exportListeners(uid)
    try {
      use(sockets.slice(0, maxFds))
    } finally {
      for (const { fd } of sockets) closeFd(fd)
    }
  }

  async #letGo(socket: PacketSocket): Promise<void> {
    const { log, dataPlane } = this.#deps
    this.#given = true
    this.#stopListening()
    const { released, drained } = this.#deps.onServing()
    await released
    const connections = (await dataPlane.connections()).length
    const { drainMs: deadlineMs } = this.#options
    log.info('another process took over; open connections end here', { connections, deadlineMs })
    tell(socket, { kind: 'released', connections, deadlineMs })
    const cut = await drained
    log.info('drained after the handover', { connections, cut })
    tell(socket, { kind: 'drained', cut })
    this.#deps.onEnd()
  }
}

function send(socket: PacketSocket, reply: HandoverReply, fds: readonly number[] = []): void {
  socket.send(encodeHandover(reply), fds)
}

/** For what is said when the sockets are given: a successor that is gone by then changes nothing any more. */
function tell(socket: PacketSocket, reply: HandoverReply): void {
  try {
    send(socket, reply)
  } catch {
    // Gone: whoever started it sees that, and starts it again.
  }
}

function refuse(socket: PacketSocket, reason: string): void {
  tell(socket, { kind: 'refused', reason })
}
