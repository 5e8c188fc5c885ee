import { compareText } from '@tulle/core'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { workloadIdentity } from '@tulle/mesh'
import type { Service, Workload } from '@tulle/mesh'

/** By the service whose names count, then by workload; both live as long as what they were read from. */
const known: WeakMap<object, WeakMap<Workload, readonly SpiffeId[]>> = new WeakMap()
/** Stands for all services that name nobody. */
const noService: object = {}

/**
 * Who may answer for an endpoint: the workload's own identity, and those that its service names. The same array for the
 * same workload and names, whatever was asked for in between: sessions are found fastest by it.
 */
export function expectedIdentities(workload: Workload, service: Service | undefined): readonly SpiffeId[] {
  const names = service?.subjectAltNames ?? []
  const key = names.length === 0 || service === undefined ? noService : service
  let ofKey = known.get(key)
  if (ofKey === undefined) known.set(key, (ofKey = new WeakMap()))
  let identities = ofKey.get(workload)
  if (identities === undefined) ofKey.set(workload, (identities = unite(workload, names)))
  return identities
}

function unite(workload: Workload, names: readonly string[]): readonly SpiffeId[] {
  const own = spiffeId(workloadIdentity(workload))
  const others = names.flatMap((name) => {
    const parsed = parseSpiffeId(name)
    return parsed.ok ? [spiffeId(parsed.value)] : []
  })
  return others.length === 0 ? [own] : [...new Set([own, ...others])].toSorted(compareText)
}
