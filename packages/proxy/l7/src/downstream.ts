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
  /** What lines of the access log say of it, and of its last request, once there was one. */
  logged: LoggedMembers | undefined
}

/** What lines have in common; members of JSON objects. */
export interface LoggedMembers {
  readonly party: string
  method: string
  host: string
  /** Of method and host, up to where the path is written. */
  toPath: string
}
