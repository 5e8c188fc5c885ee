import { faultOf } from '@tulle/balance'
import type { L7Environment } from '../environment.ts'
import { isOfSameOwner } from '@tulle/traffic'
import { localReply } from '../local-reply.ts'
import type { LocalReply } from '../local-reply.ts'
import type { RequestState } from '../request-state.ts'
import type { Stage } from './stage.ts'

/** Rates, and faults that are injected on purpose; what is attached to the rule goes before what is attached to the service. */
export const admit: Stage = (request, environment) => {
  const own = request.rule?.rule.resilience
  const service = request.cluster?.resilience
  const waitMs = waitFor(request, environment)
  if (waitMs > 0) return tooMany(waitMs)
  const fault = own?.fault ?? service?.config.fault
  return fault === undefined ? undefined : inject(request, fault, environment)
}

/** Whoever owns a service says how much it takes: rules of other namespaces may ask for less, never for more. */
function waitFor({ rule, cluster, downstream }: RequestState, { rates }: L7Environment): number {
  const own = rule?.rule.resilience?.rateLimit
  const ofService = cluster?.resilience.config.rateLimit
  if (own === undefined && ofService === undefined) return 0
  const caller = downstream.principal ?? ''
  const waitMs = own === undefined ? 0 : rates.of(own).take(caller)
  if (waitMs > 0 || ofService === undefined) return waitMs
  const isReplaced = own !== undefined && isOfSameOwner(rule?.rule.origin, cluster?.service ?? '')
  return isReplaced ? 0 : rates.of(ofService).take(caller)
}

function tooMany(waitMs: number): LocalReply {
  const seconds = Number.isFinite(waitMs) ? Math.ceil(waitMs / 1000) : 3600
  return localReply(429, 'rate_limited', {
    flag: 'RL',
    headers: ['retry-after', `${seconds}`],
    body: 'too many requests',
  })
}

/** With a delay, the abort comes after it. */
function inject(
  request: RequestState,
  configured: Parameters<typeof faultOf>[0],
  { rng }: L7Environment,
): LocalReply | undefined {
  const { delayMs, abortStatus } = faultOf(configured, rng)
  const abort =
    abortStatus === undefined
      ? undefined
      : localReply(abortStatus, 'fault_injected', { flag: 'FI', body: 'fault injected' })
  if (delayMs === 0) return abort
  request.delayMs = delayMs
  request.abort = abort
  return undefined
}
