import type { ConnectionFacts } from '@tulle/policy'

/** Who sends the requests of a connection, and what they are addressed to. Nothing of it comes from a header. */
export interface Downstream {
  readonly facts: ConnectionFacts
  readonly sourcePort: number
  /** The SPIFFE id of the peer's certificate; undefined: it has none. */
  readonly principal: string | undefined
  /** As the identity says; empty without one. */
  readonly namespace: string
  readonly scheme: 'http' | 'https'
  /** `namespace/hostname` of the service that was addressed. */
  readonly service: string
  /** Its port. */
  readonly port: number
  /** What lines of the access log say of it, once there was one. */
  logMembers: string | undefined
}
