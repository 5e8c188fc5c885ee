import { compileAccess } from '@tulle/access'
import type { AccessPolicy, ApplicableAccess, CompiledAccess } from '@tulle/access'
import { compareText } from '@tulle/core'
import type { Result } from '@tulle/core'
import { policyKey } from '@tulle/policy'

/** What decides which policies hold for a destination. */
export interface AccessSubject {
  readonly namespace: string
  /** Keys of the workload-scoped policies that name it. */
  readonly policies: readonly string[]
}

/** The policies that read requests, by key and by where they hold; as the table of L4 policies, in doubt closed. */
export class AccessTable {
  readonly #known: Map<string, { readonly policy: AccessPolicy; readonly compiled: CompiledAccess }> =
    new Map()
  readonly #refused: Set<string> = new Set()
  #readsAddresses: boolean = false
  #revision: number = 0

  /** Counts changes. */
  get revision(): number {
    return this.#revision
  }

  /** Whether any policy asks for the destination's address, so that endpoints of one service may differ in it. */
  get readsAddresses(): boolean {
    return this.#readsAddresses
  }

  /** An error says why it can't be enforced; it then closes whom it is meant for. */
  set(policy: AccessPolicy): Result<undefined> {
    const key = policyKey(policy)
    const compiled = compileAccess(policy)
    if (!compiled.ok) {
      this.refuse(key)
      return compiled
    }
    this.#refused.delete(key)
    this.#known.set(key, { policy, compiled: compiled.value })
    this.#changed()
    return { ok: true, value: undefined }
  }

  refuse(key: string): void {
    this.#known.delete(key)
    this.#refused.add(key)
    this.#changed()
  }

  delete(key: string): void {
    this.#known.delete(key)
    this.#refused.delete(key)
    this.#changed()
  }

  /** In key order, so that a verdict names the same policy whatever order they came in. */
  policiesFor({ namespace, policies }: AccessSubject): ApplicableAccess {
    const keys = new Set(policies)
    for (const [key, { policy }] of this.#known) {
      if (policy.scope === 'global') keys.add(key)
      if (policy.scope === 'namespace' && policy.namespace === namespace) keys.add(key)
    }
    const unknown = new Set<string>()
    for (const key of this.#refused) {
      const of = key.slice(0, Math.max(0, key.indexOf('/')))
      if (of === '' || of === namespace) unknown.add(key)
    }
    const known: CompiledAccess[] = []
    for (const key of [...keys].toSorted(compareText)) {
      const found = this.#known.get(key)
      if (found === undefined) unknown.add(key)
      else known.push(found.compiled)
    }
    return { known, unknown: [...unknown].toSorted(compareText) }
  }

  #changed(): void {
    this.#revision++
    this.#readsAddresses = [...this.#known.values()].some(({ policy }) => readsAddress(policy))
  }
}

function readsAddress({ rules }: AccessPolicy): boolean {
  return rules.some(({ connection }) =>
    connection.clauses.some(({ matches }) =>
      matches.some((match) => match.destinationIps.length > 0 || match.notDestinationIps.length > 0),
    ),
  )
}
