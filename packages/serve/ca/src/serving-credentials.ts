import { ServerCredentials } from '@grpc/grpc-js'
import type { Clock } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import type { CertificateAuthority, ServingCertificate, ServingNames } from './authority.ts'
import { CaError } from './errors.ts'

export interface ServingOptions extends ServingNames {
  readonly authority: CertificateAuthority
  /** Called with the first certificate and each one after it. */
  readonly onRotate?: (certificate: ServingCertificate) => void
}

export interface ServingDeps {
  readonly clock: Clock
  readonly log: Log
}

/** How long a timer may sleep: the clock may jump, and Node's timers end at 24 days. */
const maxNapMs = 600_000
const retryMs = 10_000

/**
 * Server credentials for grpc-js whose certificate our own authority issues, and renews at half life and when
 * another root begins to sign. New connections get the new one, open ones stay. TLS 1.3 only.
 */
export class ServingCredentials extends ServerCredentials implements Disposable {
  readonly #options: ServingOptions
  readonly #deps: ServingDeps
  readonly #stack: DisposableStack = new DisposableStack()
  #signer: string
  #renewAtMs: number = 0
  #timer: Disposable | undefined

  constructor(options: ServingOptions, deps: ServingDeps) {
    const first = options.authority.issueServingCertificate(options)
    if (!first.ok) throw new CaError('CA_ROTATION', `no certificate for the server: ${first.error.message}`)
    super({ minVersion: 'TLSv1.3' }, contextOf(first.value))
    this.#options = options
    this.#deps = deps
    this.#signer = signerName(options.authority)
    this.#stack.use(options.authority.subscribe(() => this.#onAuthorityChange()))
    this.#stack.defer(() => this.#timer?.[Symbol.dispose]())
    this.#took(first.value)
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other
  }

  [Symbol.dispose](): void {
    this.#stack.dispose()
  }

  #onAuthorityChange(): void {
    if (signerName(this.#options.authority) !== this.#signer) this.#renew()
  }

  #renew(): void {
    const next = this.#options.authority.issueServingCertificate(this.#options)
    if (!next.ok) {
      this.#deps.log.error('the server certificate was not renewed', { reason: next.error.message })
      this.#renewAtMs = this.#deps.clock.nowMs() + retryMs
      this.#wait()
      return
    }
    this.#signer = signerName(this.#options.authority)
    this.updateSecureContextOptions(contextOf(next.value))
    this.#took(next.value)
  }

  #took(certificate: ServingCertificate): void {
    const nowMs = this.#deps.clock.nowMs()
    this.#renewAtMs = nowMs + (certificate.notAfterMs - nowMs) / 2
    this.#wait()
    this.#options.onRotate?.(certificate)
  }

  #wait(): void {
    this.#timer?.[Symbol.dispose]()
    const leftMs = Math.max(0, this.#renewAtMs - this.#deps.clock.nowMs())
    this.#timer = this.#deps.clock.after(Math.min(maxNapMs, leftMs), () => {
      if (this.#deps.clock.nowMs() >= this.#renewAtMs) this.#renew()
      else this.#wait()
    })
  }
}

function contextOf(certificate: ServingCertificate): {
  readonly cert: string
  readonly key: string
  readonly minVersion: 'TLSv1.3'
} {
  return { cert: certificate.chainPem, key: certificate.keyPem, minVersion: 'TLSv1.3' }
}

function signerName(authority: CertificateAuthority): string {
  return authority.roots.find((root) => root.signs)?.name ?? ''
}
