import { compileAccess } from '@tulle/access'
import type { AccessPolicy, ApplicableAccess, CompiledAccess } from '@tulle/access'
import type { Result } from '@tulle/core'
import { policyKey, PolicyTable } from '@tulle/policy'
import type { PolicySubject, ScopedPolicy } from '@tulle/policy'

interface HeldAccess extends ScopedPolicy {
  readonly compiled: CompiledAccess
}

/** The policies that read requests, as they are enforced; where each holds is told by the table of policies. */
export class AccessTable {
  readonly #held: PolicyTable<HeldAccess> = new PolicyTable()
  readonly #readingAddresses: Set<string> = new Set()
  #revision: number = 0

  /** Counts changes. */
  get revision(): number {
    return this.#revision
  }

  /** Whether any policy asks for the destination's address, so that endpoints of one service may differ in it. */
  get readsAddresses(): boolean {
    return this.#readingAddresses.size > 0
  }

  /** An error says why it can't be enforced; it then closes whom it is meant for. */
  set(policy: AccessPolicy): Result<undefined> {
    const { namespace, name, scope } = policy
    const key = policyKey(policy)
    const compiled = compileAccess(policy)
    if (!compiled.ok) {
      this.refuse(key)
      return compiled
    }
    this.delete(key)
    this.#held.set({ namespace, name, scope, compiled: compiled.value })
    if (readsAddress(policy)) this.#readingAddresses.add(key)
    return { ok: true, value: undefined }
  }

  refuse(key: string): void {
    this.delete(key)
    this.#held.refuse(key)
  }

  delete(key: string): void {
    this.#held.delete(key)
    this.#readingAddresses.delete(key)
    this.#revision++
  }

  policiesFor(subject: PolicySubject): ApplicableAccess {
    const { known, unknown } = this.#held.policiesFor(subject)
    return { known: known.map(({ compiled }) => compiled), unknown }
  }
}

function readsAddress({ rules }: AccessPolicy): boolean {
  return rules.some(({ connection }) =>
    connection.clauses.some(({ matches }) =>
      matches.some((match) => match.destinationIps.length > 0 || match.notDestinationIps.length > 0),
    ),
  )
}
