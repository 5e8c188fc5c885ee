import { dataEqual } from '@tulle/core'
import { parseSpiffeId } from '@tulle/identity'
import type { SpiffeId, TrustBundle, TrustDomain } from '@tulle/identity'

/**
 * The roots of each trust domain: of our own as the CA last told them, of others as they were configured. An
 * answer speaks for the domain of its identity and for no other.
 */
export class Bundles {
  readonly #foreign: TrustBundle
  readonly #own: Map<TrustDomain, { readonly roots: readonly string[]; readonly obtainedMs: number }> =
    new Map()
  #bundle: TrustBundle

  constructor(foreign: TrustBundle) {
    this.#foreign = foreign
    this.#bundle = foreign
  }

  /** The same object until a root changes. */
  get bundle(): TrustBundle {
    return this.#bundle
  }

  /** Takes the roots that came with a certificate, unless newer ones are known. */
  take(identity: SpiffeId, roots: readonly string[], obtainedMs: number): void {
    const parsed = parseSpiffeId(identity)
    if (!parsed.ok) return
    const { trustDomain } = parsed.value
    const known = this.#own.get(trustDomain)
    if (known !== undefined && known.obtainedMs > obtainedMs) return
    this.#own.set(trustDomain, { roots, obtainedMs })
    if (dataEqual(known?.roots, roots)) return
    const own = [...this.#own].map(([domain, entry]) => [domain, entry.roots] as const)
    this.#bundle = { roots: new Map([...this.#foreign.roots, ...own]) }
  }
}
