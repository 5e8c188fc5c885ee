import type { BodyWriter } from './body-writer.ts'
import type { ClientExchange, ClientHandler, RequestFate, RequestHead } from './exchange.ts'
import type { Fields } from './fields.ts'
import type { Output } from './output.ts'

/** What a request asks of its connection. */
export interface RequestOwner {
  readonly output: Output
  readonly writer: BodyWriter
  onSent(): void
  onBroken(): void
  onGivenUp(request: ClientRequest): void
  onConsumed(bytes: number): void
}

/** A request that was sent, or will not be. Of no use once it has ended: the connection goes on without it. */
export class ClientRequest implements ClientExchange {
  isOpen = true
  /** Its last byte has been given to us. */
  isSent = false
  hasAnswer = false
  isTunnel = false
  readonly handler: ClientHandler
  readonly method: string
  readonly #protocol: string | undefined
  readonly #owner: RequestOwner

  constructor(owner: RequestOwner, handler: ClientHandler, head: RequestHead) {
    this.#owner = owner
    this.handler = handler
    this.method = head.method
    this.#protocol = head.protocol
  }

  get sendable(): number {
    return this.#maySend ? this.#owner.output.sendable : 0
  }

  /** Whether a 101 to that protocol is what was asked for (RFC 9110 §15.2.2). */
  mayBecome(protocol: string): boolean {
    return this.#protocol !== undefined && protocol === this.#protocol.toLowerCase()
  }

  isConnected(status: number): boolean {
    return this.method === 'CONNECT' && status < 300
  }

  sendCopy(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#maySend) return true
    const hasRoom = this.#owner.writer.copy(bytes, start, end)
    if (this.#owner.writer.isBroken) this.#owner.onBroken()
    return hasRoom
  }

  sendSlice(bytes: Buffer, start: number, end: number, done: () => void): boolean {
    if (!this.#maySend) {
      done()
      return true
    }
    const hasRoom = this.#owner.writer.slice(bytes, start, end, done)
    if (this.#owner.writer.isBroken) this.#owner.onBroken()
    return hasRoom
  }

  endWithTrailers(trailers?: Fields): void {
    if (!this.#maySend) return
    this.isSent = true
    this.#owner.writer.end(trailers)
    if (this.#owner.writer.isBroken) this.#owner.onBroken()
    else this.#owner.onSent()
  }

  reset(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#owner.onGivenUp(this)
  }

  consumed(bytes: number): void {
    if (this.isOpen) this.#owner.onConsumed(bytes)
  }

  /** Tells the handler, unless it has heard its last. */
  breakOff(code: number, fate: RequestFate): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.handler.onReset(code, fate)
  }

  get #maySend(): boolean {
    return this.isOpen && !this.isSent
  }
}
