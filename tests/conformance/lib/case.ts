import type { HttpProtocol, Pairs } from '../workload/protocol.ts'

/** A case of the suite is data: what it proves, what is applied, what is done, what has to come of it. */
export interface Case {
  /** `group/name`, unique. */
  readonly id: string
  /** One sentence that is true of a mesh that passes. */
  readonly proves: string
  /** Where that is written. */
  readonly spec: string
  readonly manifests?: readonly Manifest[]
  /** Nobody is let in but by a rule. Otherwise whom no rule is about is let in. */
  readonly denyByDefault?: boolean
  readonly steps: readonly Step[]
}

export type CaseGroup = readonly Case[]

/** A document as users write it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

export type Step = RequestStep | ShareStep | TcpStep | KeptStep | UdpStep | ApplyStep | ConditionStep

/** Whoever is not named is `mesh/app-a`, who calls `app-svc` on port 80. */
export interface Ask {
  readonly from?: string
  /** `host` or `host:port`; `address of NAMESPACE/WORKLOAD:port` is a workload by its own address. */
  readonly to?: string
  readonly protocol?: HttpProtocol
  readonly method?: string
  readonly path?: string
  readonly authority?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
  /** Steps that name one connection share it. */
  readonly connection?: string
  /** Says again what an earlier answer of this case gave (`keep`): a cookie as Cookie, another header as itself. */
  readonly session?: string
  /** What backends do with this request: status (or `close`) and delay of the first, second, … try; headers of the answer. */
  readonly backend?: {
    readonly statuses?: readonly (number | 'close')[]
    readonly delaysMs?: readonly number[]
    readonly headers?: Pairs
  }
}

/** One exact text; null: not there; a list: one of these. */
export type TextExpectation = string | null | readonly string[]
export type HeaderExpectations = Readonly<Record<string, TextExpectation>>

export interface RequestStep {
  readonly kind: 'request'
  readonly ask: Ask
  readonly expect: {
    /** One of them, where the text leaves a choice. */
    readonly status: number | readonly number[]
    /** `namespace/workload` whose backend answered, or `same as NAME` of a session; null: the mesh itself. */
    readonly by?: string | null | readonly string[]
    /** What the answering backend got, to the byte. */
    readonly target?: string
    readonly authority?: string
    readonly method?: string
    readonly version?: string
    readonly body?: string
    readonly received?: HeaderExpectations
    readonly headers?: HeaderExpectations
    readonly trailers?: HeaderExpectations
    /** How often each of these backends (`one+other`: both together) got the request; counted until it has come, where a mirror is late. */
    readonly deliveries?: Readonly<Record<string, number>>
    readonly localPort?: 'as before' | 'any'
  }
  /** Remembers a header of the answer, and who answered, under a name. */
  readonly keep?: { readonly header: string; readonly as: string }
  /** Done again this often; every time has to be as expected. */
  readonly times?: number
}

/** The same request many times: who answers follows shares, within what chance explains. */
export interface ShareStep {
  readonly kind: 'share'
  readonly ask: Ask
  /** At least so many; the seed adds up to a fifth, so that nobody can be tuned to one number. */
  readonly atLeast: number
  readonly connections?: number
  /**
   * By `status namespace/workload` or `status mesh`; `some` is at least one, where nothing says how many. Whatever is not named
   * must not occur.
   */
  readonly shares: Readonly<Record<string, number | 'some'>>
  /** By workload: how many of the requests it got that others answered (mirrors). */
  readonly copies?: Readonly<Record<string, number>>
}

export interface TcpStep {
  readonly kind: 'tcp'
  readonly from?: string
  readonly to: string
  readonly serverName?: string
  /** Who has to answer, or one of them; null: the connection is closed without a byte. */
  readonly by: string | null | readonly string[]
  readonly keepAs?: string
}

/** What has become of a connection that was kept. */
export interface KeptStep {
  readonly kind: 'kept'
  readonly from?: string
  readonly id: string
  readonly alive: boolean
}

export interface UdpStep {
  readonly kind: 'udp'
  readonly from?: string
  readonly to: string
  readonly answered: boolean
}

/** The case's manifests become these; the ones from before are gone. */
export interface ApplyStep {
  readonly kind: 'apply'
  readonly manifests: readonly Manifest[]
  /** The mesh has to find fault with them; absent: it must find none. */
  readonly faulty?: boolean
}

/** What the mesh says of an object, by type: `True`, `False`, either with its reason, or null where there is no such condition. */
export interface ConditionStep {
  readonly kind: 'condition'
  /** `Kind namespace/name`. */
  readonly of: string
  /** Which of its parents; absent: the first, or the object itself. */
  readonly parent?: number
  readonly conditions: Readonly<Record<string, string | null>>
}
