import { authorizeRequest } from '@tulle/access'
import type { ApplicableAccess } from '@tulle/access'
import type { Verdict } from '@tulle/policy'
import type { Downstream } from './downstream.ts'
import type { RequestView } from './routing/request-view.ts'

/**
 * Decides about a request from what is certain: the connection's peer, and the one reading that is routed and forwarded.
 * It answers at once and never throws.
 */
export interface HttpAuthorizer {
  authorize(request: RequestView, downstream: Downstream): Verdict
}

const noPolicy: Verdict = { allowed: true, reason: 'no-policy' }

/** Where there is nothing to enforce. */
export const allowAll: HttpAuthorizer = { authorize: () => noPolicy }

/** Enforces the policies that each service names. */
export function accessAuthorizer(
  policiesOf: (service: string) => ApplicableAccess | undefined,
): HttpAuthorizer {
  return {
    authorize: (request, { service, facts }) => {
      const policies = policiesOf(service)
      if (policies === undefined) return noPolicy
      const { identity, sourceIp, destinationIp, destinationPort } = facts
      return authorizeRequest(policies, { identity, sourceIp, destinationIp, destinationPort, request })
    },
  }
}
