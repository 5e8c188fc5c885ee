import type { Clock } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import type { UpstreamSpec } from './cluster.ts'

/** An endpoint that goes on failing in one way is spoken of once in this time. */
const quietMs = 60_000
/** Endpoints that are remembered; all are forgotten when there are more. */
const maxRemembered = 1000

/** Says in the log why TLS with endpoints came to nothing, without a line for each request. */
export function tlsFailureLog(log: Log, clock: Clock): (spec: UpstreamSpec, why: string) => void {
  const said = new Map<string, number>()
  return ({ key, tls }, why) => {
    const nowMs = clock.monotonicMs()
    const text = `${key} ${why}`
    const lastMs = said.get(text)
    if (lastMs !== undefined && nowMs - lastMs < quietMs) return
    if (said.size >= maxRemembered) said.clear()
    said.set(text, nowMs)
    log.warn('no TLS with an endpoint', { endpoint: key, server_name: tls?.serverName, why })
  }
}
