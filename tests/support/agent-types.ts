/** What an agent can be asked to do. Ports: 8080 echoes after a greeting, 8081 answers the digest of all it got. */
export interface AgentRequests {
  readonly who: Record<string, never>
  readonly call: Place
  readonly open: Place & { readonly id: string }
  readonly echo: { readonly id: string; readonly text: string }
  /** Waits until the other side ends the connection. */
  readonly closed: { readonly id: string }
  readonly close: { readonly id: string }
  readonly bulk: Place & { readonly bytes: number }
  readonly digest: Place & { readonly bytes: number }
  readonly udp: Place & { readonly text: string; readonly withinMs: number }
  readonly startTraffic: TrafficPlan
  readonly traffic: { readonly reset: boolean }
  readonly stopTraffic: Record<string, never>
}

export interface AgentReplies {
  readonly who: { readonly name: string }
  readonly call: Outcome
  readonly open: Outcome
  readonly echo: Outcome
  readonly closed: { readonly closed: boolean; readonly error: string }
  readonly close: Record<string, never>
  readonly bulk: { readonly sent: string; readonly received: string; readonly bytes: number }
  readonly digest: { readonly sent: string; readonly answer: string }
  readonly udp: { readonly answer: string | undefined }
  readonly startTraffic: Record<string, never>
  readonly traffic: TrafficReport
  readonly stopTraffic: TrafficReport
}

export type AgentVerb = keyof AgentRequests & keyof AgentReplies

export interface Place {
  readonly host: string
  readonly port: number
}

/** `peer` and `at`: whose address the other side saw, and what it is called. */
export interface Outcome {
  readonly ok: boolean
  readonly peer: string
  readonly at: string
  readonly text: string
  /** Empty when `ok`. */
  readonly error: string
}

export interface TrafficPlan extends Place {
  /** Pause after each call over a new connection. */
  readonly everyMs: number
  /** Connections that are kept and echo again and again; each is opened anew when it was cut. */
  readonly kept: number
}

/** Times are milliseconds since the epoch, on the clock that the whole machine shares. */
export interface TrafficRecord {
  readonly kind: 'new' | 'kept'
  /** When its connection was begun. */
  readonly openedMs: number
  readonly beganMs: number
  readonly endedMs: number
  readonly ok: boolean
  readonly error: string
}

export interface TrafficReport {
  readonly records: readonly TrafficRecord[]
}
