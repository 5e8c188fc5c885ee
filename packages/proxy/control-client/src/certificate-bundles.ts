import { dataEqual } from '@tulle/core'
import { parseSpiffeId } from '@tulle/identity'
import type { DomainBundle, SpiffeId, TrustBundle, TrustDomain } from '@tulle/identity'

/**
 * The roots of each trust domain. Of others, as they were configured; of our own, as the control plane says in a
 * resource, which every node has before it counts; where it says nothing, as the CA last answered. An answer of the
 * CA speaks for the domain of its identity and for no other.
 */
export class Bundles {
  readonly #foreign: TrustBundle
  readonly #answered: Map<TrustDomain, { readonly roots: readonly string[]; readonly obtainedMs: number }> =
    new Map()
  #told: ReadonlyMap<TrustDomain, readonly string[]> = new Map()
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
    const known = this.#answered.get(trustDomain)
    if (known !== undefined && known.obtainedMs > obtainedMs) return
    this.#answered.set(trustDomain, { roots, obtainedMs })
    this.#rebuild()
  }

  /** All that the control plane says of trust domains; without one that it said before, answers count again. */
  tell(bundles: readonly DomainBundle[]): void {
    this.#told = new Map(bundles.map(({ trustDomain, roots }) => [trustDomain, roots]))
    this.#rebuild()
  }

  #rebuild(): void {
    const answered = [...this.#answered].map(([domain, { roots }]) => [domain, roots] as const)
    const roots = new Map([...answered, ...this.#told, ...this.#foreign.roots])
    if (!dataEqual(roots, this.#bundle.roots)) this.#bundle = { roots }
  }
}
