import { framing } from './body-writer.ts'
import type { BodyWriter } from './body-writer.ts'
import type { RequestFacts } from './answer-plan.ts'
import { planAnswer, planInform } from './answer-plan.ts'
import type { Fields } from './fields.ts'
import type { Output } from './output.ts'
import type { ResponseHead, ServerExchange, ServerHandler } from './exchange.ts'
import { writeHead } from './write-head.ts'

/** What an exchange asks of its connection. */
export interface ExchangeOwner {
  readonly output: Output
  readonly writer: BodyWriter
  /** Whether this is the last exchange of the connection. Asked when its answer begins. */
  isLast(): boolean
  onTunnel(): void
  onAnswered(): void
  /** The answer can't be as it was asked for; it may have begun. */
  onBroken(): void
  onGivenUp(): void
  onConsumed(bytes: number): void
}

/** One request and its answer. Of no use once it has ended: the connection goes on without it. */
export class Exchange implements ServerExchange {
  handler: ServerHandler | undefined
  isOpen = true
  hasAnswer = false
  isTunnel = false
  readonly facts: RequestFacts
  readonly #owner: ExchangeOwner

  constructor(owner: ExchangeOwner, facts: RequestFacts) {
    this.#owner = owner
    this.facts = facts
  }

  get sendable(): number {
    return this.isOpen ? this.#owner.output.sendable : 0
  }

  /** Bytes that come before the answer are for nobody yet. */
  get awaitsTunnel(): boolean {
    return !this.isTunnel && (this.facts.protocol !== '' || this.facts.method === 'CONNECT')
  }

  inform(head: ResponseHead): void {
    if (!this.isOpen || this.hasAnswer || this.facts.isHttp10) return
    const plan = planInform(head)
    if (plan !== undefined) writeHead(this.#owner.output, plan, head.fields)
  }

  respond(head: ResponseHead, end: boolean): void {
    if (!this.isOpen || this.hasAnswer) return
    const plan = planAnswer(head, end, this.facts, this.#owner.isLast())
    if (plan === undefined) {
      this.#owner.onBroken()
      return
    }
    this.hasAnswer = true
    writeHead(this.#owner.output, plan, head.fields)
    this.#owner.writer.begin(plan.framing, plan.length)
    if (plan.isTunnel) {
      this.isTunnel = true
      this.#owner.onTunnel()
      if (end) this.endWithTrailers()
    } else if (end) {
      this.#owner.writer.begin(framing.none)
      this.#owner.onAnswered()
    }
  }

  sendCopy(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.isOpen || !this.hasAnswer) return true
    const hasRoom = this.#owner.writer.copy(bytes, start, end)
    if (this.#owner.writer.isBroken) this.#owner.onBroken()
    return hasRoom
  }

  sendSlice(bytes: Buffer, start: number, end: number, done: () => void): boolean {
    if (!this.isOpen || !this.hasAnswer) {
      done()
      return true
    }
    const hasRoom = this.#owner.writer.slice(bytes, start, end, done)
    if (this.#owner.writer.isBroken) this.#owner.onBroken()
    return hasRoom
  }

  endWithTrailers(trailers?: Fields): void {
    if (!this.isOpen) return
    if (!this.hasAnswer) {
      this.#owner.onBroken()
      return
    }
    this.#owner.writer.end(trailers)
    if (this.#owner.writer.isBroken) this.#owner.onBroken()
    else this.#owner.onAnswered()
  }

  reset(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#owner.onGivenUp()
  }

  consumed(bytes: number): void {
    if (this.isOpen) this.#owner.onConsumed(bytes)
  }
}
