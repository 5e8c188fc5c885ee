import type { HttpMatch } from '@tulle/traffic'
import type { L4Rule } from './l4-rules.ts'
import { l4Rules } from './l4-rules.ts'
import type { ResolvedRule } from './resolve-rules.ts'

/** A rule as somebody who reads the stream enforces it. */
export interface ReadingRule extends L4Rule {
  /** Absent: requests are not looked at. */
  readonly requests?: readonly HttpMatch[]
}

/**
 * What a target's rules open to callers whose requests are read (§9.1): a port that a TCPRoute covers, where there is one,
 * and a request that an HTTPRouteGroup's match covers, where there is one. One rule for each HTTPRouteGroup, so that what
 * decided can be named. What does not resolve is there, and covers nothing (§9.2).
 */
export function accessRules(rules: readonly ResolvedRule[]): readonly ReadingRule[] {
  const http = rules.filter(({ protocol }) => protocol === 'http')
  if (http.length === 0) return l4Rules(rules)
  const tcp = rules.filter(({ protocol }) => protocol === 'tcp')
  const ports = tcp.length === 0 ? 'all' : unionOf(tcp)
  if (ports !== 'all' && ports.length === 0) return []
  return http
    .filter(({ requests = [] }) => requests.length > 0)
    .map(({ index, requests = [] }) => ({ index, ports, requests }))
}

function unionOf(rules: readonly ResolvedRule[]): L4Rule['ports'] {
  const numbers = new Set<number>()
  for (const { ports } of rules) {
    if (ports === 'all') return 'all'
    for (const port of ports) numbers.add(port)
  }
  return [...numbers].toSorted((a, b) => a - b)
}
