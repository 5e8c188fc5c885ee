/**
 * Who gets the next attempt, and whether there is a next one: choice between endpoints, their ejection, limits, retries,
 * hedging, faults, rates, sessions. No I/O and no timers of its own: time and chance come in.
 */
export type { Balancer, PickQuery } from './contract.ts'
export type { Attempt, Endpoint, EndpointLocality, EndpointSpec, Outcome } from './endpoint.ts'
