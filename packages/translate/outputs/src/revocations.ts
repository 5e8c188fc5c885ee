import type { ApiCollections, Condition, RevocationObject } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import { parseSerial, parseSpiffeId, spiffeId } from '@tulle/identity'
import type { RevocationList, SpiffeId } from '@tulle/identity'
import { conditionSet } from '@tulle/workloads'

/** What one Revocation object comes to. */
export interface RevocationTranslation {
  readonly list: RevocationList
  readonly conditions: readonly Condition[]
}

/** The name of the resource that carries an object's list. */
export function revocationListName(object: RevocationObject): string {
  return `Revocation/${object.metadata.name}`
}

/** Entries that are none are said, and take nothing from the others: at such an hour a slip must not save the wrong one. */
export function translateRevocation(object: RevocationObject): RevocationTranslation {
  const identities: SpiffeId[] = []
  const serials: string[] = []
  const faults: { readonly path: string; readonly message: string }[] = []
  for (const [i, text] of object.spec.identities.entries()) {
    const parsed = parseSpiffeId(text)
    if (parsed.ok) identities.push(spiffeId(parsed.value))
    else faults.push({ path: `spec.identities[${i}]`, message: parsed.error })
  }
  for (const [i, text] of object.spec.serials.entries()) {
    const parsed = parseSerial(text)
    if (parsed.ok) serials.push(parsed.value)
    else faults.push({ path: `spec.serials[${i}]`, message: parsed.error })
  }
  const list = { name: revocationListName(object), identities, serials }
  const [fault] = faults
  if (fault === undefined) return { list, conditions: conditionSet() }
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  const message = `${fault.path}: ${fault.message}${more}; the other entries hold`
  const position = object.positions.get(fault.path)
  const accepted = { status: 'False', reason: 'InvalidEntry', message, position } as const
  return { list, conditions: conditionSet({ accepted }) }
}

export interface RevocationModel {
  /** Keyed by the name of their resource. */
  readonly lists: Collection<RevocationList>
  readonly conditions: Collection<readonly Condition[]>
}

export function deriveRevocations(graph: Graph, api: Pick<ApiCollections, 'revocations'>): RevocationModel {
  const translations = graph.derive('revocations', api.revocations, translateRevocation)
  return {
    lists: graph.deriveMany('revocation-lists', translations, ({ list }) => [[list.name, list]]),
    conditions: graph.derive('revocation-conditions', translations, ({ conditions }) => conditions),
  }
}
