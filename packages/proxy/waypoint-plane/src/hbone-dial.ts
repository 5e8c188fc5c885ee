import { encodeConnect } from '@tulle/hbone'
import type { Authority } from '@tulle/hbone'
import { http2Error } from '@tulle/http2'
import type { HeaderList, StreamHandler } from '@tulle/http2'
import type { Rng } from '@tulle/core'
import { newTraceparent } from '@tulle/trace-context'
import type { ClientPool, ClientTunnelSession, TunnelTarget } from '@tulle/tunnel'
import { StreamLink } from './stream-link.ts'
import type { LinkUser } from './stream-link.ts'

/** Sessions that one stream is tried on, when peers refuse streams unseen because they drain. */
const maxAttempts = 3

export interface HboneTarget extends TunnelTarget {
  /** What the CONNECT names: the endpoint and its port. */
  readonly authority: Authority
}

export interface HboneDialDeps {
  readonly pool: ClientPool
  readonly rng: Rng
  /** What this waypoint says of itself. */
  readonly baggage: string
}

/** A connection to an endpoint that is made, or about to be. What is written meanwhile waits. */
export interface Dialled {
  readonly link: StreamLink
  /** Whom it serves, and who wants to know when it is up. */
  attach(user: LinkUser, onConnected: () => void): void
}

/** A CONNECT stream to the endpoint's node proxy, over a session that is verified to be the endpoint's. */
export function dialHbone(target: HboneTarget, deps: HboneDialDeps): Dialled {
  const link = new StreamLink()
  const call = new Call(link, target, deps)
  return {
    link,
    attach: (user, onConnected) => {
      link.attachUser(user)
      call.start(onConnected)
    },
  }
}

/** Until it is answered; then the link hears the stream by itself. */
class Call implements StreamHandler {
  readonly #link: StreamLink
  readonly #target: HboneTarget
  readonly #deps: HboneDialDeps
  #attempts: number = 0
  #answered: boolean = false
  #session: ClientTunnelSession | undefined
  #stream: ReturnType<ClientTunnelSession['open']>
  #onConnected: () => void = () => undefined

  constructor(link: StreamLink, target: HboneTarget, deps: HboneDialDeps) {
    this.#link = link
    this.#target = target
    this.#deps = deps
  }

  start(onConnected: () => void): void {
    this.#onConnected = onConnected
    this.#try()
  }

  onHeaders(headers: HeaderList, endStream: boolean): void {
    if (this.#answered) {
      this.#link.onHeaders(headers, endStream)
      return
    }
    const status = headers[0] === ':status' ? (headers[1] ?? '') : ''
    if (status.startsWith('1')) return
    if (status !== '200' || this.#stream === undefined) {
      this.#fail()
      return
    }
    this.#answered = true
    this.#onConnected()
    this.#link.attachStream(this.#stream)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    return this.#answered ? this.#link.onData(bytes, start, end) : false
  }

  onEnd(): void {
    if (this.#answered) this.#link.onEnd()
    else this.#fail()
  }

  onReset(code: number): void {
    if (this.#answered) this.#link.onReset(code)
    // The peer has not looked at a refused stream. @see RFC 9113 §8.7
    else if (code === http2Error.refusedStream && this.#attempts < maxAttempts) this.#try()
    else this.#link.onReset(code)
  }

  onWritable(): void {
    if (this.#answered) this.#link.onWritable()
  }

  #try(): void {
    this.#attempts++
    const { pool, rng, baggage } = this.#deps
    pool.acquire(this.#target, (outcome) => {
      if (this.#link.closed) return
      if (!outcome.ok) {
        this.#link.onReset(http2Error.connectError)
        return
      }
      this.#session = outcome.value
      const headers = encodeConnect({
        authority: this.#target.authority,
        baggage,
        traceparent: newTraceparent(rng),
      })
      this.#stream = this.#session.open(headers, this)
      if (this.#stream !== undefined) return
      if (this.#attempts < maxAttempts) this.#try()
      else this.#link.onReset(http2Error.connectError)
    })
  }

  /** The endpoint's node proxy refused it, or could not reach the endpoint. */
  #fail(): void {
    this.#stream?.reset(http2Error.cancel)
    this.#link.onReset(http2Error.connectError)
  }
}
