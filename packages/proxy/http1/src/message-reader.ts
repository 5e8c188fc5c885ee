import { badLength, Fields, hasNameAt, noLength, parseLength, spanNumbers } from './fields.ts'
import type { RequestOpening } from './fields.ts'
import { HeadReader, special } from './head-reader.ts'
import { isToken } from './octets.ts'
import { refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'

const none = -1
const several = -2

const noSpans: readonly number[] = []

const keepAlive = 'keep-alive'

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
  #connectionSpan = none
  /** Those of further lines of Connection. */
  #moreConnectionSpans: number[] | undefined
  /** What they name of this connection alone, in lower case. */
  #nominated: Set<string> | undefined

  /** The fields that travel on. Once for each head. */
  takeFields(): Fields {
    const { text, spans, endOfLines } = this
    return Fields.parsed({ text, spans, endOfLines, opening: this.opening() })
  }

  /** How a request began; undefined where it has to be written anew. */
  protected opening(): RequestOpening | undefined {
    return undefined
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
    this.#connectionSpan = none
    this.#moreConnectionSpans = undefined
    this.#nominated = undefined
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
        if (this.#connectionSpan === none) this.#connectionSpan = span
        else (this.#moreConnectionSpans ??= []).push(span)
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
      const { text, spans } = this
      this.contentLength = parseLength(text, spans[this.#lengthSpan + 2], spans[this.#lengthSpan + 3])
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
    if (this.#connectionSpan === none) return undefined
    let refusal = this.#connectionLine(this.#connectionSpan)
    for (const span of this.#moreConnectionSpans ?? noSpans) refusal ??= this.#connectionLine(span)
    if (this.#nominated !== undefined) this.#hide(this.#nominated)
    return refusal
  }

  #connectionLine(span: number): Refusal | undefined {
    const start = this.spans[span + 2] ?? 0
    const end = this.spans[span + 3] ?? 0
    // What nearly every line says, without a string of it.
    if (end - start === keepAlive.length && hasNameAt(this.text, start, keepAlive)) return undefined
    for (const part of this.valueAt(span).toLowerCase().split(',')) {
      const option = part.trim()
      if (option === 'close') this.wantsClose = true
      else if (option === 'upgrade') this.wantsUpgrade = true
      else if (neverNominated.has(option)) return refusals.connection
      else if (option !== '') (this.#nominated ??= new Set()).add(option)
    }
    return undefined
  }

  /** Fields that Connection names stay on this connection. One look at each field: thousands may be named in one head. */
  #hide(names: ReadonlySet<string>): void {
    const { spans, text } = this
    for (let at = 0; at < spans.length; at += spanNumbers) {
      const end = spans[at + 1] ?? 0
      if (end !== 0 && names.has(text.slice(spans[at], end).toLowerCase())) spans[at + 1] = 0
    }
  }
}
