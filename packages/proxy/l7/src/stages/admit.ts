import { faultOf } from '@tulle/balance'
import type { L7Environment } from '../environment.ts'
import { localReply } from '../local-reply.ts'
import type { LocalReply } from '../local-reply.ts'
import type { RequestState } from '../request-state.ts'
import type { Stage } from './stage.ts'

/** Rates, and faults that are injected on purpose; what is attached to the rule wins over what is attached to the service. */
export const admit: Stage = (request, environment) => {
  const own = request.rule?.rule.resilience
  const service = request.cluster?.resilience
  const rateLimit = own?.rateLimit ?? service?.config.rateLimit
  if (service !== undefined && rateLimit !== undefined) {
    const waitMs = service.limiterOf(rateLimit).take(request.downstream.principal ?? '')
    if (waitMs > 0) return tooMany(waitMs)
  }
  const fault = own?.fault ?? service?.config.fault
  return fault === undefined ? undefined : inject(request, fault, environment)
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
