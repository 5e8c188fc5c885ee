import { badLength, Fields, noLength, parseLength, spanNumbers } from './fields.ts'
import { HeadReader, special } from './head-reader.ts'
import { isToken } from './octets.ts'
import { refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'

const none = -1
const several = -2

/** Names that `Connection` may not name: taking them away would change which message this is (RFC 9110 §7.6.1). */
const neverNominated: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding'])

/** What requests and answers have in common: how long they are (RFC 9112 §6) and what becomes of the connection (§9). */
export abstract class MessageReader extends HeadReader {
  /** From Content-Length; `noLength` without one. */
  contentLength: number = noLength
  isChunked = false
  isHttp10 = false
  /** `Connection: close`. */
  wantsClose = false
  /** `Connection: upgrade`. */
  wantsUpgrade = false
  protected hostSpan: number = none
  protected upgradeSpan: number = none
  protected expectSpan: number = none
  #lengthSpan = none
  #codingSpan = none
  /** Twice there: Host, Content-Length, Transfer-Encoding, Expect. */
  #repeated: Refusal | undefined
  readonly #connectionSpans: number[] = []

  /** The fields that travel on. Once for each head. */
  takeFields(): Fields {
    return Fields.parsed(this.text, this.spans, this.endOfLines)
  }

  /** The one protocol that Upgrade names, in lower case; empty if there is none or several. */
  protected upgradeName(): string {
    if (!this.wantsUpgrade || this.upgradeSpan < 0) return ''
    const name = this.valueAt(this.upgradeSpan).toLowerCase()
    const slash = name.indexOf('/')
    return isToken(slash < 0 ? name : name.slice(0, slash) + name.slice(slash + 1)) ? name : ''
  }

  protected override reset(): void {
    this.contentLength = noLength
    this.isChunked = false
    this.isHttp10 = false
    this.wantsClose = false
    this.wantsUpgrade = false
    this.hostSpan = none
    this.upgradeSpan = none
    this.expectSpan = none
    this.#lengthSpan = none
    this.#codingSpan = none
    this.#repeated = undefined
    // To shorten an array is a call out of compiled code: most heads have no such field.
    if (this.#connectionSpans.length > 0) this.#connectionSpans.length = 0
  }

  protected override onSpecial(kind: number, span: number): boolean {
    switch (kind) {
      case special.host:
        if (this.hostSpan !== none) this.#repeated = refusals.severalHosts
        this.hostSpan = span
        return true
      case special.contentLength:
        if (this.#lengthSpan !== none) this.#repeated = refusals.severalLengths
        this.#lengthSpan = span
        return false
      case special.transferEncoding:
        if (this.#codingSpan !== none) this.#repeated = refusals.coding
        this.#codingSpan = span
        return true
      case special.connection:
        this.#connectionSpans.push(span)
        return true
      case special.upgrade:
        // Several lines are a list of several protocols.
        this.upgradeSpan = this.upgradeSpan === none ? span : several
        return true
      case special.expect:
        if (this.expectSpan !== none) this.#repeated = refusals.expectation
        this.expectSpan = span
        return false
      default:
        return true
    }
  }

  /** Reads Content-Length, Transfer-Encoding and Connection. Undefined: all is well. */
  protected common(): Refusal | undefined {
    return this.#repeated ?? this.#framing() ?? this.#connection()
  }

  /** Two readings of where a message ends are how requests are smuggled (RFC 9112 §11.2): there is one, or none. */
  #framing(): Refusal | undefined {
    if (this.#lengthSpan !== none) {
      this.contentLength = parseLength(this.valueAt(this.#lengthSpan))
      if (this.contentLength === badLength) return refusals.contentLength
    }
    if (this.#codingSpan === none) return undefined
    if (this.#lengthSpan !== none) return refusals.lengthAndCoding
    // Earlier versions have no transfer codings (RFC 9112 §6.1).
    if (this.isHttp10) return refusals.codingNotAllowed
    if (this.valueAt(this.#codingSpan) !== 'chunked') return refusals.coding
    this.isChunked = true
    return undefined
  }

  #connection(): Refusal | undefined {
    for (const span of this.#connectionSpans) {
      const value = this.valueAt(span).toLowerCase()
      if (value === 'keep-alive') continue
      for (const part of value.split(',')) {
        const option = part.trim()
        if (option === 'close') this.wantsClose = true
        else if (option === 'upgrade') this.wantsUpgrade = true
        else if (neverNominated.has(option)) return refusals.connection
        else if (option !== '') this.#hide(option)
      }
    }
    return undefined
  }

  /** A field that Connection names stays on this connection. */
  #hide(name: string): void {
    const { spans, text } = this
    for (let at = 0; at < spans.length; at += spanNumbers) {
      const end = spans[at + 1] ?? 0
      if (end !== 0 && text.slice(spans[at], end).toLowerCase() === name) spans[at + 1] = 0
    }
  }
}
