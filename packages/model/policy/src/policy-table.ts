import { compareText } from '@tulle/core'
import { policyKey } from './authorization-policy.ts'
import type { AuthorizationPolicy } from './authorization-policy.ts'

/** What a table has to know of a policy, whatever its rules read. */
export type ScopedPolicy = Pick<AuthorizationPolicy, 'namespace' | 'name' | 'scope'>

/** The policies that hold for one workload, and the keys of those that should but are not there. */
export interface ApplicablePolicies<P extends ScopedPolicy = AuthorizationPolicy> {
  readonly known: readonly P[]
  readonly unknown: readonly string[]
}

/** What decides which policies hold for a workload. */
export interface PolicySubject {
  readonly namespace: string
  /** Keys of the workload-scoped policies that name it. */
  readonly policies: readonly string[]
}

/** All policies that a proxy has been told of, by key and by where they hold. */
export class PolicyTable<P extends ScopedPolicy = AuthorizationPolicy> {
  readonly #byKey: Map<string, P> = new Map()
  readonly #byNamespace: Map<string, Map<string, P>> = new Map()
  readonly #global: Map<string, P> = new Map()
  /** Keys that were refused, with the namespace that each closes ('': the mesh); undefined: whoever names it. */
  readonly #refused: Map<string, string | undefined> = new Map()

  get size(): number {
    return this.#byKey.size
  }

  get(key: string): P | undefined {
    return this.#byKey.get(key)
  }

  set(policy: P): void {
    const key = policyKey(policy)
    this.delete(key)
    this.#byKey.set(key, policy)
    if (policy.scope === 'global') this.#global.set(key, policy)
    if (policy.scope === 'namespace') {
      const inNamespace = this.#byNamespace.get(policy.namespace) ?? new Map<string, P>()
      this.#byNamespace.set(policy.namespace, inNamespace.set(key, policy))
    }
  }

  delete(key: string): void {
    this.#refused.delete(key)
    const policy = this.#byKey.get(key)
    if (policy === undefined) return
    this.#byKey.delete(key)
    this.#global.delete(key)
    const inNamespace = this.#byNamespace.get(policy.namespace)
    if (inNamespace?.delete(key) === true && inNamespace.size === 0)
      this.#byNamespace.delete(policy.namespace)
  }

  /**
   * Notes a policy that could not be understood, which closes whom it is meant for until it is set or deleted: the
   * mesh, its namespace, or those that name it. Where `scope` is not known either it closes its namespace (the mesh,
   * where it has none).
   */
  refuse(key: string, scope?: AuthorizationPolicy['scope']): void {
    this.delete(key)
    this.#refused.set(key, closedBy(key, scope))
  }

  /** In key order, so that a verdict names the same policy whatever order they came in. */
  policiesFor(subject: PolicySubject): ApplicablePolicies<P> {
    const known = new Map([...this.#global, ...(this.#byNamespace.get(subject.namespace) ?? [])])
    const unknown = new Set<string>()
    for (const [key, namespace] of this.#refused) {
      if (namespace === '' || namespace === subject.namespace) unknown.add(key)
    }
    for (const key of subject.policies) {
      const policy = this.#byKey.get(key)
      if (policy === undefined) unknown.add(key)
      else known.set(key, policy)
    }
    return {
      known: [...known.keys()].toSorted(compareText).flatMap((key) => known.get(key) ?? []),
      unknown: [...unknown].toSorted(compareText),
    }
  }
}

/** The policies among `policies` that hold for a workload: those of the mesh, of its namespace, and those it names. */
export function policiesFor(
  subject: PolicySubject,
  policies: Iterable<AuthorizationPolicy>,
): ApplicablePolicies {
  const table = new PolicyTable()
  for (const policy of policies) table.set(policy)
  return table.policiesFor(subject)
}

function closedBy(key: string, scope: AuthorizationPolicy['scope'] | undefined): string | undefined {
  if (scope === 'workload') return undefined
  return scope === 'global' ? '' : namespaceOf(key)
}

function namespaceOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf('/')))
}
