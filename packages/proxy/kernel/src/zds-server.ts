/** The enrolling side of ZDS (istio-cni's agent, `tulle up`): tells the node proxy which workloads there are. */
import { errorText } from '@tulle/core'
import { KernelError, kernelProtocolError } from './errors.ts'
import { closeFd } from './netns.ts'
import type { NetnsFd } from './netns.ts'
import { listenPackets } from './packet-socket.ts'
import type { PacketSocket } from './packet-socket.ts'
import { peerCredentials } from './process.ts'
import { decodeAck, decodeHello, encodeRequest, zdsMessageBytes } from './zds-messages.ts'
import type { ZdsIdentity, ZdsRequest } from './zds-messages.ts'

export interface ZdsServerWorkload extends ZdsIdentity {
  /** Stays the caller's, who keeps it open until `remove`; undefined tells the proxy to keep what it has. */
  readonly netns: NetnsFd | undefined
}

export interface ZdsServerOptions {
  readonly path: string
  /** A node proxy said hello. */
  onHello?(): void
  /** A node proxy went away, or was sent away for this reason. */
  onGone?(reason: string): void
}

export interface ZdsServer extends AsyncDisposable {
  /**
   * Resolves when the proxy has acknowledged the workload, and rejects with its error (KERNEL_ZDS). Waits for a
   * proxy while there is none. Either way the workload stays listed, for proxies that connect later, until `remove`.
   */
  add(workload: ZdsServerWorkload, options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Resolves when the proxy has let go of the workload; at once where there is no proxy. */
  remove(uid: string): Promise<void>
  readonly connected: boolean
}

/** A proxy, the one that replaces it, and room for strays. */
const maxConnections = 8

export function zdsServer(options: ZdsServerOptions): ZdsServer {
  return new Server(options)
}

class Server implements ZdsServer {
  readonly #options: ZdsServerOptions
  readonly #listener: Disposable
  readonly #workloads: Map<string, ZdsServerWorkload> = new Map()
  readonly #waiting: Map<string, PromiseWithResolvers<void>> = new Map()
  // Oldest first. Only the newest is told of changes: while a proxy is replaced, the old one drains.
  readonly #sessions: Session[] = []
  // Also those that have not said hello.
  readonly #open: Set<Session> = new Set()

  constructor(options: ZdsServerOptions) {
    this.#options = options
    this.#listener = listenPackets(options.path, (socket) => this.#accept(socket))
  }

  get connected(): boolean {
    return this.#sessions.length > 0
  }

  async add(workload: ZdsServerWorkload, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted()
    this.#settle(workload.uid, new KernelError('KERNEL_ZDS', `${workload.uid} was added again`))
    this.#workloads.set(workload.uid, workload)
    const done = Promise.withResolvers<void>()
    this.#waiting.set(workload.uid, done)
    const onAbort = (): void => done.reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#sessions.at(-1)?.offer(workload)
    try {
      await done.promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
      if (this.#waiting.get(workload.uid) === done) this.#waiting.delete(workload.uid)
    }
  }

  async remove(uid: string): Promise<void> {
    this.#settle(uid, new KernelError('KERNEL_ZDS', `${uid} was removed`))
    if (this.#workloads.delete(uid)) await this.#sessions.at(-1)?.forget(uid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener[Symbol.dispose]()
    const open = [...this.#open]
    for (const session of open) session.close('the server ended')
    for (const uid of this.#waiting.keys())
      this.#settle(uid, new KernelError('KERNEL_ZDS', 'the server ended'))
    await Promise.all(open.map((session) => session.ended))
  }

  #accept(socket: PacketSocket): void {
    if (this.#open.size >= maxConnections) {
      socket[Symbol.dispose]()
      return
    }
    const session = new Session(socket, {
      onHello: () => this.#begin(session),
      isListed: (workload) => this.#workloads.get(workload.uid) === workload,
      onAck: (workload, error) => {
        const failure =
          error === '' ? undefined : new KernelError('KERNEL_ZDS', `the node proxy answered: ${error}`)
        // An older add of the same workload may be answered after it was replaced.
        if (this.#workloads.get(workload.uid) === workload) this.#settle(workload.uid, failure)
      },
    })
    this.#open.add(session)
    void session.ended.then((reason) => this.#end(session, reason))
  }

  #begin(session: Session): void {
    this.#sessions.push(session)
    this.#options.onHello?.()
    for (const workload of this.#workloads.values()) session.offer(workload)
    session.snapshotSent()
  }

  #end(session: Session, reason: string): void {
    this.#open.delete(session)
    const index = this.#sessions.indexOf(session)
    const wasNewest = index !== -1 && index === this.#sessions.length - 1
    if (index !== -1) this.#sessions.splice(index, 1)
    // The one that is newest now has missed changes: it comes back and gets a snapshot.
    if (wasNewest) this.#sessions.at(-1)?.close('it missed changes while another proxy was connected')
    this.#options.onGone?.(reason)
  }

  #settle(uid: string, error: KernelError | undefined): void {
    const waiting = this.#waiting.get(uid)
    this.#waiting.delete(uid)
    if (error === undefined) waiting?.resolve()
    else waiting?.reject(error)
  }
}

interface SessionEvents {
  onHello(): void
  /** Still to be told of? */
  isListed(workload: ZdsServerWorkload): boolean
  onAck(workload: ZdsServerWorkload, error: string): void
}

/** One proxy: hello, then one request at a time, each answered before the next is sent. */
class Session {
  /** Why it ended. Never rejects. */
  readonly ended: Promise<string>
  readonly #socket: PacketSocket
  readonly #events: SessionEvents
  #reason: string = ''
  #ack: PromiseWithResolvers<string> | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(socket: PacketSocket, events: SessionEvents) {
    this.#socket = socket
    this.#events = events
    this.ended = this.#read().then(
      () => this.#finish('it ended the connection'),
      (error: unknown) => this.#finish(errorText(error)),
    )
  }

  offer(workload: ZdsServerWorkload): void {
    void this.#inTurn(async () => {
      if (!this.#events.isListed(workload)) return
      const { netns, uid } = workload
      const error =
        netns === undefined
          ? await this.#ask({ kind: 'keep', uid })
          : await this.#ask({ kind: 'add', workload }, netns)
      this.#events.onAck(workload, error)
    })
  }

  /** Resolves also when the proxy goes away: then it has let go too. */
  forget(uid: string): Promise<void> {
    return this.#inTurn(async () => void (await this.#ask({ kind: 'delete', uid })))
  }

  snapshotSent(): void {
    void this.#inTurn(async () => void (await this.#ask({ kind: 'snapshot-sent' })))
  }

  close(reason: string): void {
    this.#reason = reason
    this.#socket[Symbol.dispose]()
  }

  /** The peer's uid is checked although the path is 0600: a descriptor of it may have been passed on. */
  async #read(): Promise<void> {
    const { uid } = peerCredentials(this.#socket.fd)
    if (uid !== process.getuid?.() && uid !== 0)
      throw kernelProtocolError(`ZDS: refused a peer of user ${uid}`)
    const hello = await this.#receive()
    if (hello === undefined) return
    const greeting = decodeHello(hello)
    if (!greeting.ok) throw kernelProtocolError(`ZDS: ${greeting.error}`)
    this.#events.onHello()
    for (;;) {
      const bytes = await this.#receive()
      if (bytes === undefined) return
      const ack = decodeAck(bytes)
      if (!ack.ok || this.#ack === undefined)
        throw kernelProtocolError('ZDS: an answer that nobody asked for')
      this.#ack.resolve(ack.value)
      this.#ack = undefined
    }
  }

  async #receive(): Promise<Buffer | undefined> {
    const message = await this.#socket.receive(zdsMessageBytes)
    message?.fds.forEach(closeFd)
    return message?.bytes
  }

  #finish(reason: string): string {
    this.#socket[Symbol.dispose]()
    this.#ack?.reject(kernelProtocolError('the node proxy went away'))
    this.#ack = undefined
    return this.#reason === '' ? reason : this.#reason
  }

  async #ask(request: ZdsRequest, netns?: NetnsFd): Promise<string> {
    this.#socket.send(encodeRequest(request), netns === undefined ? [] : [netns])
    this.#ack = Promise.withResolvers<string>()
    return await this.#ack.promise
  }

  /** A failure is the connection's end: the next proxy hears of everything again. */
  #inTurn(run: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(run).catch((error: unknown) => this.close(errorText(error)))
    return this.#turn.then(() => undefined)
  }
}
