import { KnownTexts, ownText } from '@tulle/core'

import type { RequestHead } from './exchange.ts'
import type { RequestOpening } from './fields.ts'
import { needsMore } from './head-reader.ts'
import type { Http1Limits } from './limits.ts'
import { MessageReader } from './message-reader.ts'
import { maxMethodBytes, methodOctets, octet, skip, targetOctets, tokenLower } from './octets.ts'
import { refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { authorityForm, isAuthority, sameAuthority, splitAbsolute } from './target.ts'
import { mayUpgradeTo } from './upgrade.ts'

const hostPrefix = 'host: '

/** Most frequent ones first. */
const knownMethods: readonly string[] = ['GET', 'POST', 'PUT', 'HEAD', 'PATCH', 'DELETE', 'OPTIONS']

const versionPrefix = Buffer.from('HTTP/')

/** Reads requests' heads (RFC 9112 §3): one authority and one path come out, or a refusal. */
export class RequestReader extends MessageReader {
  readonly #scheme: 'http' | 'https'
  method = ''
  authority = ''
  path = ''
  /** Of an upgrade that may be granted; empty for none. */
  protocol = ''
  /** `Expect: 100-continue`. */
  expectsContinue = false
  #lastHost = ''
  #methodStart = 0
  #methodEnd = 0
  #targetEnd = 0

  constructor(limits: Http1Limits, scheme: 'http' | 'https') {
    super(limits)
    this.#scheme = scheme
  }

  /** What was read. Once for each head. */
  takeHead(): RequestHead {
    return {
      method: this.method,
      scheme: this.#scheme,
      authority: this.authority,
      path: this.path,
      fields: this.takeFields(),
      version: this.isHttp10 ? '1.0' : '1.1',
      protocol: this.protocol === '' ? undefined : this.protocol,
    }
  }

  /** Only what is written as we would: of version 1.1, with the path as target, and Host with one blank. */
  protected override opening(): RequestOpening | undefined {
    const { method, path, authority, hostSpan, spans } = this
    const lineStart = spans[hostSpan] ?? 0
    const valueEnd = spans[hostSpan + 3] ?? 0
    const isPlain =
      !this.isHttp10 &&
      path.length === this.#targetEnd - this.#methodEnd - 1 &&
      valueEnd - lineStart === hostPrefix.length + authority.length &&
      this.text.charCodeAt(lineStart + hostPrefix.length - 1) === octet.space &&
      this.text.charCodeAt(valueEnd) === octet.cr
    return isPlain ? { start: this.#methodStart, method, path, authority, hostSpan } : undefined
  }

  protected override reset(): void {
    super.reset()
    this.method = ''
    this.authority = ''
    this.path = ''
    this.protocol = ''
    this.expectsContinue = false
  }

  protected override startLine(bytes: Buffer, base: number, start: number, end: number): number {
    if (bytes[start] !== octet.cr) return this.#requestLine(bytes, base, start, end)
    // One empty line in front is from clients that end a body with it (RFC 9112 §2.2).
    if (start + 1 < end && bytes[start + 1] !== octet.lf) return this.refuse(refusals.requestLine)
    return start + 2 < end ? this.#requestLine(bytes, base, start + 2, end) : needsMore
  }

  #requestLine(bytes: Buffer, base: number, start: number, end: number): number {
    const methodEnd = skip(bytes, start, end, methodOctets)
    if (methodEnd - start > maxMethodBytes) return this.refuse(refusals.method)
    if (methodEnd >= end) return needsMore
    if (bytes[methodEnd] !== octet.space || methodEnd === start)
      return this.#badMethod(bytes, start, methodEnd, end)
    const targetEnd = skip(bytes, methodEnd + 1, end, targetOctets)
    if (targetEnd >= end) return needsMore
    if (bytes[targetEnd] !== octet.space || targetEnd === methodEnd + 1) return this.refuse(refusals.target)
    this.#methodStart = start - base
    this.#methodEnd = methodEnd - base
    this.#targetEnd = targetEnd - base
    return this.#version(bytes, targetEnd + 1, end)
  }

  protected override complete(): boolean {
    const refusal = this.common() ?? this.#target() ?? this.#expectation()
    if (refusal === undefined) return true
    this.refusal = refusal
    return false
  }

  /** Any other token is a method too, but one that some read as its upper case. */
  #badMethod(bytes: Buffer, start: number, from: number, end: number): number {
    const at = skip(bytes, from, end, tokenLower)
    const isToken = at > start && at < end && bytes[at] === octet.space
    return this.refuse(isToken ? refusals.method : refusals.requestLine)
  }

  /** `HTTP/1.1` CRLF (RFC 9112 §2.3). */
  #version(bytes: Buffer, start: number, end: number): number {
    for (let i = 0; i < versionPrefix.length; i++) {
      if (start + i >= end) return needsMore
      if (bytes[start + i] !== versionPrefix[i]) return this.refuse(refusals.requestLine)
    }
    const at = start + versionPrefix.length
    if (at + 5 > end) return needsMore
    const major = bytes[at] ?? 0
    const minor = bytes[at + 2] ?? 0
    if (!isDigit(major) || bytes[at + 1] !== 0x2e || !isDigit(minor)) return this.refuse(refusals.requestLine)
    if (bytes[at + 3] !== octet.cr || bytes[at + 4] !== octet.lf) return this.refuse(refusals.requestLine)
    if (major !== 0x31 || minor > 0x31) return this.refuse(refusals.version)
    this.isHttp10 = minor === 0x30
    return at + 5
  }

  /** The four forms of a target (RFC 9112 §3.2) and Host, which have to say one thing. */
  #target(): Refusal | undefined {
    this.method = methodText(this.text, this.#methodStart, this.#methodEnd)
    const target = this.text.slice(this.#methodEnd + 1, this.#targetEnd)
    // Exactly one, and not empty, for every version (RFC 9112 §3.2): without it there is nothing to route by.
    const host = this.#host()
    if (host === '') return refusals.host
    this.authority = host
    if (this.method === 'CONNECT') return this.#connect(target, host)
    if (target.charCodeAt(0) === 0x2f) this.path = target
    else if (target === '*') {
      if (this.method !== 'OPTIONS') return refusals.target
      this.path = target
    } else {
      const absolute = splitAbsolute(target, this.#scheme)
      if (absolute === undefined) return refusals.target
      if (!sameAuthority(absolute.authority, host)) return refusals.hostDiffers
      this.path = absolute.path === '' ? (this.method === 'OPTIONS' ? '*' : '/') : absolute.path
    }
    this.#upgrade()
    return undefined
  }

  /** What Host says; empty where that is none. A connection names the same one again and again, and others name it too. */
  #host(): string {
    if (this.hostSpan < 0) return ''
    const start = this.spans[this.hostSpan + 2] ?? 0
    const last = this.#lastHost
    if (this.spans[this.hostSpan + 3] === start + last.length && this.text.startsWith(last, start))
      return last
    const host = this.valueAt(this.hostSpan)
    if (!isAuthority(host)) return ''
    this.#lastHost = knownHosts.get(ownText(host), (own) => own)
    return this.#lastHost
  }

  #connect(target: string, host: string): Refusal | undefined {
    if (!authorityForm(target)) return refusals.target
    if (!sameAuthority(target, host)) return refusals.hostDiffers
    if (this.isHttp10) return refusals.version
    // Content of a CONNECT means nothing (RFC 9110 §9.3.6), and would be taken for the tunnel's first bytes.
    if (this.contentLength >= 0 || this.isChunked) return refusals.connectBody
    this.authority = target
    return undefined
  }

  /**
   * An upgrade with a body is not granted, nor is one to another version of HTTP or to TLS: a server may ignore
   * Upgrade (RFC 9110 §7.8), and so the request goes on as an ordinary one.
   */
  #upgrade(): void {
    if (this.isHttp10 || this.isChunked || this.contentLength > 0) return
    const name = this.upgradeName()
    if (name === '') return
    if (!mayUpgradeTo(name)) return
    this.protocol = name
  }

  /** RFC 9110 §10.1.1. */
  #expectation(): Refusal | undefined {
    if (this.expectSpan < 0 || this.isHttp10) return undefined
    if (this.valueAt(this.expectSpan).toLowerCase() !== '100-continue') return refusals.expectation
    this.expectsContinue = true
    return undefined
  }
}

/** Hosts are one text for all connections of the thread: what compares them later then compares addresses. */
const knownHosts = new KnownTexts<string>({ maxEntries: 1024, maxLength: 1024 })

/** One of ours where there is one: what compares it later then compares addresses. */
function methodText(text: string, start: number, end: number): string {
  for (const known of knownMethods)
    if (known.length === end - start && text.startsWith(known, start)) return known
  return text.slice(start, end)
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}
