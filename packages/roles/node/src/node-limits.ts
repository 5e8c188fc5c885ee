import type { L4Limits } from '@tulle/l4'
import type { NodeOptions } from './options.ts'

/** What one workload may have of what all may have, in handshakes of one address and in bytes. */
const share = 4

type LimitOptions = Pick<NodeOptions, 'maxConnections' | 'maxHandshakes' | 'maxHeldBytes' | 'idleSession'>

/** The limits that have options; docs/reference/limits.md has all. */
export function limitsOf(options: LimitOptions): Partial<L4Limits> {
  const { maxConnections, maxHandshakes, maxHeldBytes, idleSession } = options
  return {
    ...(maxConnections > 0 && { maxConnectionsPerWorkload: maxConnections }),
    maxHandshakes,
    maxHandshakesPerSource: Math.ceil(maxHandshakes / share),
    maxHeldBytes,
    maxHeldBytesPerWorkload: Math.floor(maxHeldBytes / share),
    maxWindowBytes: maxHeldBytes,
    maxWindowBytesPerWorkload: Math.floor(maxHeldBytes / share),
    idleSessionMs: idleSession,
  }
}
