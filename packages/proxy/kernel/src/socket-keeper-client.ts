/** The node proxy's side of the keeper of its listening sockets. */
import type { Clock } from '@tulle/core'
import { KernelError, kernelProtocolError } from './errors.ts'
import { closeFd } from './netns.ts'
import { connectPackets } from './packet-socket.ts'
import type { PacketSocket } from './packet-socket.ts'
import {
  decodeKeeperReply,
  encodeKeeper,
  keeperFormat,
  keeperMessageBytes,
} from './socket-keeper-messages.ts'
import type { KeeperReply, KeeperRequest } from './socket-keeper-messages.ts'

export interface KeeperClientOptions {
  readonly path: string
  readonly node: string
  readonly clock: Clock
  /** How long the keeper may take for an answer. */
  readonly answerMs?: number
}

export interface KeptSocket {
  /** As the one who brought it labelled it. */
  readonly label: string
  readonly fd: number
}

interface Answer {
  readonly reply: KeeperReply
  readonly fds: readonly number[]
}

const answerMsByDefault = 2000

/** A conversation with the keeper. Every method throws KernelError when it is over, or the keeper says no. */
export class KeeperClient implements Disposable {
  /** Resolves when the conversation is over. */
  readonly ended: Promise<void>
  readonly #socket: PacketSocket
  readonly #options: KeeperClientOptions
  /** Requests take turns: each is answered before the next. */
  #turn: Promise<unknown> = Promise.resolve()
  #waiting: PromiseWithResolvers<Answer> | undefined

  private constructor(socket: PacketSocket, options: KeeperClientOptions) {
    this.#socket = socket
    this.#options = options
    this.ended = this.#read()
  }

  /** Resolves with undefined where there is no keeper. */
  static async connect(options: KeeperClientOptions): Promise<KeeperClient | undefined> {
    const socket = connectOrNone(options.path)
    if (socket === undefined) return undefined
    const client = new KeeperClient(socket, options)
    try {
      await client.#done({ kind: 'hello', format: keeperFormat, node: options.node })
      return client
    } catch (error) {
      client[Symbol.dispose]()
      throw error
    }
  }

  /** What is kept for the owner; the caller owns the descriptors. The keeper has them still. */
  async take(owner: string): Promise<readonly KeptSocket[]> {
    const { reply, fds } = await this.#ask({ kind: 'take', owner })
    if (reply.kind === 'sockets' && reply.labels.length === fds.length)
      return fds.map((fd, i) => ({ fd, label: reply.labels[i] ?? '' }))
    fds.forEach(closeFd)
    throw unexpected(reply)
  }

  /** All that is to be kept for the owner from here on. The descriptors stay the caller's. */
  keep(owner: string, sockets: readonly KeptSocket[]): Promise<void> {
    const labels = sockets.map(({ label }) => label)
    return this.#done(
      { kind: 'keep', owner, labels },
      sockets.map(({ fd }) => fd),
    )
  }

  drop(owner: string): Promise<void> {
    return this.#done({ kind: 'drop', owner })
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  async #done(request: KeeperRequest, sent: readonly number[] = []): Promise<void> {
    const { reply, fds } = await this.#ask(request, sent)
    fds.forEach(closeFd)
    if (reply.kind !== 'done') throw unexpected(reply)
  }

  #ask(request: KeeperRequest, fds: readonly number[] = []): Promise<Answer> {
    // Sent at once where nobody is before it: the caller's descriptors may be closed when it has its answer.
    const answer = this.#turn.then(() => this.#say(request, fds))
    this.#turn = answer.catch(() => undefined) // whoever asked hears of it
    return answer
  }

  async #say(request: KeeperRequest, fds: readonly number[]): Promise<Answer> {
    const { clock, answerMs = answerMsByDefault } = this.#options
    const waiting = Promise.withResolvers<Answer>()
    this.#socket.send(encodeKeeper(request), fds)
    this.#waiting = waiting
    // Its answer would be taken for that of the next request.
    using _late = clock.after(answerMs, () => this.#socket[Symbol.dispose]())
    return await waiting.promise
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const message = await this.#socket.receive(keeperMessageBytes)
        if (message === undefined) return
        const reply = decodeKeeperReply(message.bytes)
        const waiting = this.#waiting
        this.#waiting = undefined
        if (!reply.ok || message.truncated || waiting === undefined) {
          message.fds.forEach(closeFd)
          waiting?.reject(kernelProtocolError('an answer of the keeper that makes no sense'))
          return
        }
        waiting.resolve({ reply: reply.value, fds: message.fds })
      }
    } catch {
      // An error of the socket is its end.
    } finally {
      this.#socket[Symbol.dispose]()
      this.#waiting?.reject(new KernelError('KERNEL_EPIPE', 'the keeper of the listening sockets is gone'))
      this.#waiting = undefined
    }
  }
}

function unexpected(reply: KeeperReply): KernelError {
  return kernelProtocolError(
    reply.kind === 'refused' ? `the keeper refused: ${reply.reason}` : `the keeper answered ${reply.kind}`,
  )
}

function connectOrNone(path: string): PacketSocket | undefined {
  try {
    return connectPackets(path)
  } catch (error) {
    if (error instanceof KernelError && ['KERNEL_ENOENT', 'KERNEL_ECONNREFUSED'].includes(error.code))
      return undefined
    throw error
  }
}
