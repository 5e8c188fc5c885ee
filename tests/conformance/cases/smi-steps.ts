import type { Ask, Step } from '../lib/case.ts'

/** Steps of the cases of SMI. */

/** To app-b, on the port that the suite's programs are called on. */
export const b = (path: string, more: Ask = {}): Ask => ({ to: 'app-b:9091', path, ...more })

/** What HTTP rules refuse is answered with 403; where no rule of HTTP is, the connection is closed. */
export const blocked = (ask: Ask): Step => ({ kind: 'request', ask, expect: { status: [403, 0], by: null } })

export function spread(shares: Readonly<Record<string, number>>, atLeast: number = 50): Step {
  const named = Object.fromEntries(Object.entries(shares).map(([who, share]) => [`200 mesh/${who}`, share]))
  return { kind: 'share', ask: { to: 'app-svc:9091', path: '/echo' }, atLeast, shares: named }
}
