/** A netlink socket whose requests are answered before they return. */
import { kernelError, kernelProtocolError } from './errors.ts'
import { check, lastErrno, libc } from './libc.ts'
import * as linux from './linux.ts'
import {
  decodeMessages,
  decodeOutcome,
  encodeRequest,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  wasInterrupted,
} from './netlink-codec.ts'
import type { NetlinkMessage, NetlinkRequest } from './netlink-codec.ts'
import { maybeInNetns } from './netns.ts'
import type { NetnsFd } from './netns.ts'

export const NETLINK_ROUTE = 0
export const NETLINK_NETFILTER = 12

const receiveBytes = 1 << 17
const maxDumpTries = 5

/**
 * The kernel carries out a request inside `send`, so the answer lies ready when it returns: nothing here waits.
 * The socket stays in the namespace that it was made in.
 */
export class NetlinkSocket implements Disposable {
  readonly #fd: number
  #sequence: number = 0
  readonly #buffer: Buffer = Buffer.allocUnsafe(receiveBytes)

  constructor(protocol: number, netns?: NetnsFd) {
    const type = linux.SOCK_RAW | linux.SOCK_CLOEXEC
    this.#fd = maybeInNetns(netns, () =>
      check('socket(AF_NETLINK)', libc.socket(linux.AF_NETLINK, type, protocol)),
    )
    this.#enable(linux.NETLINK_EXT_ACK)
    this.#enable(linux.NETLINK_CAP_ACK)
  }

  /** Asks for a change; throws a KernelError named after `what` when the kernel refuses it. */
  request(what: string, request: NetlinkRequest): void {
    const sequence = this.#send({ ...request, flags: request.flags | NLM_F_REQUEST | NLM_F_ACK })
    for (const message of this.#receive()) {
      if (message.sequence !== sequence) continue
      const outcome = decodeOutcome(message)
      if (outcome === undefined) continue
      if (outcome.errno !== 0) throw kernelError(what, outcome.errno, outcome.text)
      return
    }
    throw kernelProtocolError(`${what}: the kernel did not answer`)
  }

  /** Asks for one thing; throws a KernelError where there is none. */
  get(what: string, request: NetlinkRequest): NetlinkMessage {
    const sequence = this.#send({ ...request, flags: request.flags | NLM_F_REQUEST })
    for (const message of this.#receive()) {
      if (message.sequence !== sequence) continue
      const outcome = decodeOutcome(message)
      if (outcome === undefined) return message
      throw kernelError(what, outcome.errno, outcome.text)
    }
    throw kernelProtocolError(`${what}: the kernel did not answer`)
  }

  /** Lists what the kernel has; again from the start when it changed meanwhile. */
  dump(what: string, request: NetlinkRequest): readonly NetlinkMessage[] {
    for (let tries = 0; tries < maxDumpTries; tries++) {
      const messages = this.#dumpOnce(what, request)
      if (!messages.some(wasInterrupted)) return messages
    }
    throw kernelProtocolError(`${what}: the state kept changing while it was listed`)
  }

  /** Sends several requests as one datagram, and throws the first refusal. For batches of nf_tables. */
  transact(what: string, requests: readonly NetlinkRequest[]): void {
    const asked = NLM_F_REQUEST | NLM_F_ACK
    const messages = requests.map((request) =>
      encodeRequest({ ...request, flags: request.flags | asked }, ++this.#sequence),
    )
    this.#sendBytes(what, Buffer.concat(messages))
    let answers = 0
    for (const message of this.#receive()) {
      const outcome = decodeOutcome(message)
      if (outcome === undefined) continue
      answers++
      if (outcome.errno === 0) continue
      // Sequence numbers of the batch count up to the last one sent.
      const index = message.sequence - 1 - (this.#sequence - requests.length)
      throw kernelError(`${what}, message ${index}`, outcome.errno, outcome.text)
    }
    if (answers === 0) throw kernelProtocolError(`${what}: the kernel did not answer`)
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd)
  }

  #dumpOnce(what: string, request: NetlinkRequest): readonly NetlinkMessage[] {
    const sequence = this.#send({ ...request, flags: request.flags | NLM_F_REQUEST | NLM_F_DUMP })
    const messages: NetlinkMessage[] = []
    for (const message of this.#receive()) {
      if (message.sequence !== sequence) continue
      const outcome = decodeOutcome(message)
      if (outcome === undefined) messages.push(message)
      else if (outcome.errno !== 0) throw kernelError(what, outcome.errno, outcome.text)
      else return messages
    }
    throw kernelProtocolError(`${what}: the list has no end`)
  }

  #send(request: NetlinkRequest): number {
    this.#sequence++
    this.#sendBytes('send(AF_NETLINK)', encodeRequest(request, this.#sequence))
    return this.#sequence
  }

  #sendBytes(what: string, bytes: Buffer): void {
    check(what, libc.send(this.#fd, bytes, bytes.length, 0))
  }

  /** Every message that lies ready; each datagram is copied, since the buffer is used again. */
  *#receive(): Generator<NetlinkMessage> {
    for (;;) {
      const length = libc.recv(
        this.#fd,
        this.#buffer,
        this.#buffer.length,
        linux.MSG_DONTWAIT | linux.MSG_TRUNC,
      )
      if (length === -1) {
        const errno = lastErrno()
        if (errno === linux.EINTR) continue
        if (errno === linux.EAGAIN) return
        throw kernelError('recv(AF_NETLINK)', errno)
      }
      if (length > this.#buffer.length) throw kernelProtocolError(`netlink: a datagram of ${length} bytes`)
      yield* decodeMessages(Buffer.from(this.#buffer.subarray(0, length)))
    }
  }

  #enable(option: number): void {
    const one = Buffer.from([1, 0, 0, 0])
    check('setsockopt(SOL_NETLINK)', libc.setsockopt(this.#fd, linux.SOL_NETLINK, option, one, 4))
  }
}
