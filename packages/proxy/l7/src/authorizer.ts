import { authorizeRequest } from '@tulle/access'
import type { ApplicableAccess } from '@tulle/access'
import type { Verdict } from '@tulle/policy'
import type { Downstream } from './downstream.ts'
import type { RequestView } from './routing/request-view.ts'

/** What a request is to reach: endpoints of one port of one service. */
export interface RequestDestination {
  readonly service: string
  readonly port: number
}

export interface RequestVerdict {
  readonly verdict: Verdict
  /** Keys of endpoints that would refuse it, where others do not. */
  readonly refusedBy?: ReadonlySet<string>
  /** What it was decided by; see `basisOf`. */
  readonly basis?: unknown
}

/**
 * Decides about a request from what is certain: the connection's peer, and the one reading that is routed and forwarded.
 * It answers at once and never throws.
 */
export interface HttpAuthorizer {
  /** `destination` is what the route chose; absent where it leads nowhere. */
  authorize(
    request: RequestView,
    downstream: Downstream,
    destination: RequestDestination | undefined,
  ): RequestVerdict
  /** Endpoints and policies of a destination, as they are now: while it is what a verdict was decided by, the verdict stands. */
  basisOf(destination: RequestDestination): unknown
}

const noPolicy: RequestVerdict = { verdict: { allowed: true, reason: 'no-policy' } }

/** Where there is nothing to enforce. */
export const allowAll: HttpAuthorizer = { authorize: () => noPolicy, basisOf: () => undefined }

/** Enforces the policies that each service names. */
export function accessAuthorizer(
  policiesOf: (service: string) => ApplicableAccess | undefined,
): HttpAuthorizer {
  return {
    authorize: (request, { service, facts }) => {
      const policies = policiesOf(service)
      if (policies === undefined) return noPolicy
      const { identity, sourceIp, destinationIp, destinationPort } = facts
      const all = { identity, sourceIp, destinationIp, destinationPort, request }
      return { verdict: authorizeRequest(policies, all) }
    },
    // Such policies never change, and are about all endpoints alike.
    basisOf: () => undefined,
  }
}
