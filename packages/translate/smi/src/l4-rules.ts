import type { ResolvedRule } from './resolve-rules.ts'

/** A TCP rule that opens ports without anybody reading the stream. */
export interface L4Rule {
  /** Its place in `spec.rules`. */
  readonly index: number
  readonly ports: 'all' | readonly number[]
}

/**
 * What a target's rules open to direct callers (§9.1). Rules are grouped by protocol: TCP needs a TCPRoute or
 * HTTPRouteGroup rule, and with an HTTPRouteGroup among them a waypoint has to read each request, so that
 * nothing is open here. UDP rules never open TCP.
 */
export function l4Rules(rules: readonly ResolvedRule[]): readonly L4Rule[] {
  if (rules.some((rule) => rule.protocol === 'http')) return []
  return rules
    .filter((rule) => rule.protocol === 'tcp' && (rule.ports === 'all' || rule.ports.length > 0))
    .map(({ index, ports }) => ({ index, ports }))
}
