import type { Service } from '@tulle/mesh'
import type { ConnectionFacts, Verdict } from '@tulle/policy'
import type { Direction, SocketAddress } from './data-plane.ts'
import type { Party } from './party.ts'
import type { ResponseFlags } from './telemetry.ts'

/** What is known of a connection, whatever becomes of it. Some facts are found out on the way, and set then. */
export interface ConnectionSubject {
  /** The enrolled workload. */
  readonly uid: string
  readonly direction: Direction
  readonly protocol: 'hbone' | 'tcp'
  readonly source: SocketAddress
  readonly destination: SocketAddress
  /** Another one when the first could not be reached, as is the party. */
  hbone: SocketAddress | undefined
  readonly sourceParty: Party
  destinationParty: Party
  readonly service: Service | undefined
  tlsGroup: string | undefined
  /** The same at both ends of a tunnel. */
  traceId: string | undefined
  verdict: Verdict | undefined
  /** Inbound: what policies are asked about, again when they change. */
  facts: ConnectionFacts | undefined
  readonly startedMs: number
}

export interface Refusal {
  readonly flags: Exclude<ResponseFlags, '-'>
  readonly verdict: 'refused' | 'failed'
  readonly error: string
  /** The limit that it ran into, for metrics. */
  readonly limit?: 'too-many-connections' | 'answer-timeout'
}

export const tooManyConnections: Refusal = {
  flags: 'CONNECT',
  verdict: 'failed',
  error: 'too many connections',
  limit: 'too-many-connections',
}
