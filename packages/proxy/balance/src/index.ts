/**
 * Who gets the next attempt, and whether there is a next one: choice between endpoints, their ejection, limits, retries,
 * hedging, faults, rates, sessions. No I/O and no timers of its own: time and chance come in.
 */
export { createBalancer } from './balancer.ts'
export type { BalancerDeps, BalancerOptions } from './balancer.ts'
export { Breaker, Limit } from './breaker.ts'
export type { Balancer, PickQuery } from './contract.ts'
export type { Attempt, Endpoint, EndpointLocality, EndpointSpec, Outcome } from './endpoint.ts'
export { faultOf, hits } from './fault.ts'
export type { InjectedFault } from './fault.ts'
export { hedgeAfterMs } from './hedge.ts'
export type { HedgedRequest } from './hedge.ts'
export type { EjectionCause, HealthEvent } from './outlier-detector.ts'
export { RateLimiter } from './rate-limiter.ts'
export { defaultRetryBudget, RetryBudget } from './retry-budget.ts'
export { backoffOf, wantsRepeat } from './retry-rule.ts'
export type { AttemptResult } from './retry-rule.ts'
export { SessionEndpoints } from './session-endpoints.ts'
export { SessionTokens } from './session-tokens.ts'
export type { SessionTokensOptions } from './session-tokens.ts'
