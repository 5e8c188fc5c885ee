/** What a workload of the suite can be asked to do, on a unix socket that no network reaches. */
export type Pairs = readonly (readonly [name: string, value: string])[]

export type HttpProtocol = 'http1' | 'http2' | 'grpc'

export interface Call {
  readonly protocol: HttpProtocol
  readonly host: string
  readonly port: number
  readonly method: string
  /** As it is sent. */
  readonly path: string
  /** Defaults to the host, with the port where it is not 80. */
  readonly authority?: string
  readonly headers: Pairs
  readonly body: string
  /** Calls of one name share one connection (HTTP/1.1). */
  readonly connection?: string
  readonly withinMs: number
}

/** What a backend got: nothing in it is a guess, and headers are in their order. */
export interface Received {
  /** `namespace/workload`. */
  readonly by: string
  readonly port: number
  readonly version: '1.0' | '1.1' | '2.0'
  readonly method: string
  /** The request target as it came, with its query. */
  readonly target: string
  readonly authority: string
  readonly headers: Pairs
  readonly body: string
}

export interface Answer {
  /** 0: there was none. */
  readonly status: number
  readonly headers: Pairs
  readonly trailers: Pairs
  /** Absent when the backend answered with what it received. */
  readonly body: string
  readonly received?: Received
  /** Empty when there was an answer. */
  readonly error: string
  /** Which connection carried it: the caller's own port. */
  readonly localPort: number
}

export interface Place {
  readonly host: string
  readonly port: number
}

export interface TcpOutcome {
  /** Who greeted; empty when nobody did. */
  readonly by: string
  readonly error: string
}

export interface Requests {
  readonly who: Record<string, never>
  readonly call: Call
  /** The same call again and again, from `connections` connections that are kept. */
  readonly calls: Call & { readonly count: number; readonly connections: number }
  /** What this workload received in requests with this id. */
  readonly received: { readonly id: string }
  /** Connects, says a TLS ClientHello for `serverName` if there is one, and waits for the greeting. */
  readonly tcp: Place & { readonly serverName?: string; readonly keepAs?: string; readonly withinMs: number }
  /** Whether a kept connection still echoes. */
  readonly tcpAlive: { readonly id: string; readonly withinMs: number }
  readonly udp: Place & { readonly withinMs: number }
  /** Whether the name leads anywhere. */
  readonly resolves: { readonly host: string }
}

export interface Replies {
  readonly who: { readonly name: string }
  readonly call: Answer
  /** How often each `status by` was the answer. */
  readonly calls: { readonly tally: Readonly<Record<string, number>> }
  readonly received: { readonly all: readonly Received[] }
  readonly tcp: TcpOutcome
  readonly tcpAlive: { readonly alive: boolean; readonly error: string }
  readonly udp: { readonly answered: boolean }
  readonly resolves: { readonly resolves: boolean }
}

export type Verb = keyof Requests & keyof Replies

/** Requests say with these what the backend is to do with them; everything else is sent back as it came. */
export const instructions = {
  /** Requests with one id are counted together. */
  id: 'x-echo-id',
  /** `503,503,200`: of the n-th request with this id; the last one goes for all that follow. `close` cuts the connection. */
  statuses: 'x-echo-statuses',
  /** `500,0`: milliseconds before the n-th answer. */
  delaysMs: 'x-echo-delays-ms',
  /** `name: value` in the answer; may be there several times. */
  header: 'x-echo-header',
} as const
