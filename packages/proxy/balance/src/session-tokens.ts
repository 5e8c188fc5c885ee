import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '@tulle/core'

export interface SessionTokensOptions {
  /** Shared by all proxies of the service, so that each reads what another gave out. At least 16 bytes. */
  readonly secret: Uint8Array
  /** What the tokens are for: a token of one route or service is nothing to another. */
  readonly scope: string
  /** How long a session may last; 0 = no end. */
  readonly absoluteTimeoutMs: number
}

const idBytes = 12
const stampBytes = 6
const sealBytes = 12
const tokenBytes = idBytes + stampBytes + sealBytes

/**
 * What a client holds to come back to the same endpoint: a name of the endpoint that says nothing about it, the time the
 * session began, and a seal over both. It can't be made up, prolonged, or used elsewhere; whoever steals it reaches an
 * endpoint of a service that it may call anyway. 40 characters of base64url.
 */
export class SessionTokens {
  readonly #options: SessionTokensOptions
  readonly #clock: Clock

  constructor(options: SessionTokensOptions, clock: Clock) {
    if (options.secret.length < 16) {
      throw new RangeError(`expected a secret of at least 16 bytes, found ${options.secret.length}`)
    }
    this.#options = options
    this.#clock = clock
  }

  /** The name by which tokens call an endpoint: worth keeping, since all readers compare it. */
  idOf(endpointKey: string): string {
    return this.#mac('endpoint', Buffer.from(endpointKey)).subarray(0, idBytes).toString('base64url')
  }

  /** A token for a session that begins now at the endpoint of this id. */
  issue(id: string): string {
    const body = Buffer.alloc(idBytes + stampBytes)
    body.set(Buffer.from(id, 'base64url'))
    body.writeUIntBE(Math.floor(this.#clock.nowMs()), idBytes, stampBytes)
    return Buffer.concat([body, this.#seal(body)]).toString('base64url')
  }

  /** The id of the endpoint that a token names; undefined where it is not ours, or its session is over. */
  read(token: string): string | undefined {
    // The length first: a peer may send anything.
    if (token.length !== (tokenBytes * 4) / 3) return undefined
    const bytes = Buffer.from(token, 'base64url')
    if (bytes.length !== tokenBytes) return undefined
    const body = bytes.subarray(0, idBytes + stampBytes)
    if (!timingSafeEqual(this.#seal(body), bytes.subarray(idBytes + stampBytes))) return undefined
    const ageMs = this.#clock.nowMs() - body.readUIntBE(idBytes, stampBytes)
    const { absoluteTimeoutMs } = this.#options
    if (absoluteTimeoutMs > 0 && ageMs > absoluteTimeoutMs) return undefined
    return body.subarray(0, idBytes).toString('base64url')
  }

  #seal(body: Uint8Array): Buffer {
    return this.#mac('token', body).subarray(0, sealBytes)
  }

  #mac(purpose: 'endpoint' | 'token', data: Uint8Array): Buffer {
    const mac = createHmac('sha256', this.#options.secret)
    return mac.update(`${purpose}\0${this.#options.scope}\0`).update(data).digest()
  }
}
