import { errorText, MeshError } from '@tulle/core'
import { closeFd, connectPackets } from '@tulle/kernel'
import type { PacketSocket } from '@tulle/kernel'
import type { ListeningSocket } from '@tulle/l4'
import { decodeReply, encodeHandover, handoverFormat, maxMessageBytes } from './messages.ts'
import type { HandoverReply, HandoverRequest } from './messages.ts'

export type HandoverErrorCode = 'NODE_TAKE_OVER'

export class HandoverError extends MeshError<HandoverErrorCode> {}

export interface Introduction {
  readonly path: string
  readonly node: string
  readonly version: string
}

export interface Released {
  /** Open connections that stay with the old process. */
  readonly connections: number
  /** How long they may. */
  readonly deadlineMs: number
}

/** The side of a handover that gets the sockets: a conversation with the process that has them. */
export class Taker implements Disposable {
  readonly #socket: PacketSocket
  readonly version: string
  readonly pid: number
  /** Requests take turns: each is answered before the next. */
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(socket: PacketSocket, version: string, pid: number) {
    this.#socket = socket
    this.version = version
    this.pid = pid
  }

  /** Resolves with undefined when nobody listens at the path. Throws HandoverError when the other process refuses. */
  static async knock({ path, node, version }: Introduction): Promise<Taker | undefined> {
    const socket = connectOrNone(path)
    if (socket === undefined) return undefined
    try {
      socket.send(encodeHandover({ kind: 'hello', format: handoverFormat, version, node }))
      const { reply } = await receive(socket)
      if (reply.kind !== 'welcome') throw unexpected('a welcome', reply)
      return new Taker(socket, reply.version, reply.pid)
    } catch (error) {
      socket[Symbol.dispose]()
      throw error
    }
  }

  /** Whether the other process listens for the workload. */
  async serves(uid: string): Promise<boolean> {
    const { reply } = await this.#ask({ kind: 'serves', uid })
    if (reply.kind !== 'serves') throw unexpected('whether it serves a workload', reply)
    return reply.known
  }

  /** The workload's listening sockets; the caller owns the descriptors. The other process has them still. */
  async take(uid: string): Promise<readonly ListeningSocket[]> {
    const { reply, fds } = await this.#ask({ kind: 'take', uid })
    if (reply.kind !== 'listeners' || reply.listeners.length !== fds.length) {
      fds.forEach(closeFd)
      throw unexpected('listeners with a descriptor each', reply)
    }
    return reply.listeners.map(({ role, worker, ip, port }, i) => ({
      role,
      worker,
      address: { ip, port },
      fd: fds[i] ?? -1,
    }))
  }

  /** From here on the other process accepts nothing. */
  async serving(): Promise<Released> {
    const { reply } = await this.#ask({ kind: 'serving' })
    if (reply.kind !== 'released') throw unexpected('its release', reply)
    const { connections, deadlineMs } = reply
    return { connections, deadlineMs }
  }

  /** After `serving`: how many connections the other process cut at its deadline; undefined when it died before. */
  async drained(): Promise<number | undefined> {
    try {
      const { reply } = await receive(this.#socket)
      return reply.kind === 'drained' ? reply.cut : undefined
    } catch {
      // It was killed while it drained.
      return undefined
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  #ask(request: HandoverRequest): Promise<Answer> {
    const answer = this.#turn.then(() => {
      this.#socket.send(encodeHandover(request))
      return receive(this.#socket)
    })
    this.#turn = answer.catch(() => undefined) // whoever asked hears of it
    return answer
  }
}

interface Answer {
  readonly reply: HandoverReply
  readonly fds: readonly number[]
}

async function receive(socket: PacketSocket): Promise<Answer> {
  const message = await socket.receive(maxMessageBytes)
  if (message === undefined)
    throw new HandoverError('NODE_TAKE_OVER', 'the process to take over from ended the conversation')
  const reply = decodeReply(message.bytes)
  if (reply.ok && !message.truncated) return { reply: reply.value, fds: message.fds }
  message.fds.forEach(closeFd)
  throw new HandoverError(
    'NODE_TAKE_OVER',
    `the process to take over from sent ${reply.ok ? 'more than fits' : reply.error}`,
  )
}

function unexpected(wanted: string, found: HandoverReply): HandoverError {
  return found.kind === 'refused'
    ? new HandoverError('NODE_TAKE_OVER', `the process to take over from refused: ${found.reason}`)
    : new HandoverError('NODE_TAKE_OVER', `expected ${wanted}, found ${found.kind}`)
}

function connectOrNone(path: string): PacketSocket | undefined {
  try {
    return connectPackets(path)
  } catch (error) {
    if (error instanceof MeshError && ['KERNEL_ENOENT', 'KERNEL_ECONNREFUSED'].includes(String(error.code)))
      return undefined
    throw new HandoverError('NODE_TAKE_OVER', `cannot ask at ${path}: ${errorText(error)}`, { cause: error })
  }
}
