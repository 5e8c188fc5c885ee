import { authorizeRequest } from '@tulle/access'
import type { ApplicableAccess } from '@tulle/access'
import type { Downstream, HttpAuthorizer, RequestDestination, RequestVerdict, RequestView } from '@tulle/l7'
import type { Verdict } from '@tulle/policy'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import type { MeshEndpoint } from './mesh-endpoints.ts'
import type { WaypointState } from './waypoint-state.ts'

/** Endpoints for which every question has one answer. */
interface EndpointGroup {
  readonly keys: readonly string[]
  readonly ip: IpAddress
  readonly port: number
  readonly policies: ApplicableAccess
}

interface Grouped {
  readonly accessRevision: number
  readonly groups: readonly EndpointGroup[]
}

/**
 * Decides by the rules of whoever would answer: policy is of workloads. Where the endpoints of a service differ, those that
 * refuse get nothing of the request; where all refuse, it is refused.
 */
export class MeshAuthorizer implements HttpAuthorizer {
  readonly #state: WaypointState
  readonly #endpointsOf: (service: string, port: number) => readonly MeshEndpoint[]
  /** By the list of endpoints, which is the same for as long as nothing of it changes. */
  readonly #grouped: WeakMap<readonly MeshEndpoint[], Grouped> = new WeakMap()

  constructor(state: WaypointState, endpointsOf: (service: string, port: number) => readonly MeshEndpoint[]) {
    this.#state = state
    this.#endpointsOf = endpointsOf
  }

  authorize(
    request: RequestView,
    downstream: Downstream,
    destination: RequestDestination | undefined,
  ): RequestVerdict {
    return this.decide(request, downstream, destination ?? downstream)
  }

  /** Without a request: of a stream that is no HTTP. */
  decide(
    request: RequestView | undefined,
    { facts }: Pick<Downstream, 'facts'>,
    { service, port }: RequestDestination,
  ): RequestVerdict {
    const { identity, sourceIp } = facts
    let allowed: Verdict | undefined
    let refused: Verdict | undefined
    let refusedBy: Set<string> | undefined
    const basis = this.basisOf({ service, port })
    for (const group of basis) {
      const verdict = authorizeRequest(group.policies, {
        identity,
        sourceIp,
        destinationIp: group.ip,
        destinationPort: group.port,
        request,
      })
      if (verdict.allowed) allowed ??= verdict
      else {
        refused ??= verdict
        for (const key of group.keys) (refusedBy ??= new Set()).add(key)
      }
    }
    if (allowed === undefined) return { verdict: refused ?? nobody, basis }
    return refusedBy === undefined ? { verdict: allowed, basis } : { verdict: allowed, refusedBy, basis }
  }

  basisOf({ service, port }: RequestDestination): readonly EndpointGroup[] {
    return this.#groupsOf(this.#endpointsOf(service, port))
  }

  #groupsOf(endpoints: readonly MeshEndpoint[]): readonly EndpointGroup[] {
    const { access } = this.#state
    const known = this.#grouped.get(endpoints)
    if (known?.accessRevision === access.revision) return known.groups
    const byRules = new Map<string, MeshEndpoint[]>()
    for (const endpoint of endpoints) {
      const { workload, ip, port } = endpoint
      const rules = `${workload.namespace} ${workload.policies.join(' ')} ${port}`
      const key = access.readsAddresses ? `${rules} ${ip}` : rules
      const group = byRules.get(key)
      if (group === undefined) byRules.set(key, [endpoint])
      else group.push(endpoint)
    }
    const groups = [...byRules.values()].flatMap((members) => this.#groupOf(members))
    this.#grouped.set(endpoints, { accessRevision: access.revision, groups })
    return groups
  }

  #groupOf(members: readonly MeshEndpoint[]): readonly EndpointGroup[] {
    const [first] = members
    const ip = first === undefined ? undefined : parseIpAddress(first.ip)
    if (first === undefined || ip?.ok !== true) return []
    return [
      {
        keys: members.map(({ key }) => key),
        ip: ip.value,
        port: first.port,
        policies: this.#state.access.policiesFor(first.workload),
      },
    ]
  }
}

/** Without endpoints there is nobody to refuse, and nobody who answers. */
const nobody: Verdict = { allowed: true, reason: 'no-policy' }
