/** A small CA for this package's tests: it signs what it is asked to, or what a test tells it to sign. */
import { must } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { certificatePem, createLeaf, createRoot, joinPem, parseCsr } from '@tulle/x509'
import type { Signer } from '@tulle/x509'
import type { CaClient, CaRequest } from './certificate-types.ts'

export const hourMs = 3_600_000
export const dayMs: number = 24 * hourMs
const backdateMs = 120_000

export function identityOf(account: string, domain: string = 'cluster.local'): SpiffeId {
  return spiffeId(must(parseSpiffeId(`spiffe://${domain}/ns/shop/sa/${account}`)))
}

export function rootAt(clock: Clock, commonName: string): Signer {
  const nowMs = clock.nowMs()
  return createRoot({
    subject: { commonName },
    notBeforeMs: nowMs - hourMs,
    notAfterMs: nowMs + 3650 * dayMs,
  })
}

export class TestCa implements CaClient {
  readonly clock: Clock
  /** The first one signs. */
  roots: readonly Signer[]
  ttlMs: number = dayMs
  /** When each request came, and for whom. */
  readonly asked: { readonly atMs: number; readonly identity: SpiffeId }[] = []
  inFlight: number = 0
  maxInFlight: number = 0
  disposed: boolean = false
  /** What to do instead of signing. */
  instead: ((request: CaRequest) => Promise<readonly string[]>) | undefined

  constructor(clock: Clock) {
    this.clock = clock
    this.roots = [rootAt(clock, 'root')]
  }

  async request(request: CaRequest): Promise<readonly string[]> {
    this.asked.push({ atMs: this.clock.nowMs(), identity: request.identity })
    this.inFlight++
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight)
    try {
      return await (this.instead?.(request) ?? this.sign(request.csr))
    } finally {
      this.inFlight--
    }
  }

  sign(
    csr: string,
    more: { readonly uriSans?: readonly string[]; readonly issuer?: Signer } = {},
  ): readonly string[] {
    const { publicKey, uriSans } = must(parseCsr(csr))
    const [issuer] = this.roots
    const nowMs = this.clock.nowMs()
    const leaf = createLeaf({
      issuer: more.issuer ?? issuer ?? rootAt(this.clock, 'none'),
      publicKey,
      uriSans: more.uriSans ?? uriSans,
      notBeforeMs: nowMs - backdateMs,
      notAfterMs: nowMs + this.ttlMs,
    })
    return [certificatePem(leaf), joinPem(this.roots.map((root) => root.certificate))]
  }

  [Symbol.dispose](): void {
    this.disposed = true
  }
}

/** Lets the event loop turn until something is so; the runner's patience bounds it, as turns say nothing of other threads. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}
