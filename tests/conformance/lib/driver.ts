import type { Answer, Call, Received, TcpOutcome } from '../workload/protocol.ts'
import type { Manifest } from './case.ts'
import type { Explained, ExplainedCall } from './explained.ts'

/**
 * What the suite needs of a mesh. Workloads are those of `base.ts`, each `workload/main.ts` in a network of its own.
 * A driver repeats nothing: what it says is applied has to hold for the very next request.
 */
export interface MeshDriver extends AsyncDisposable {
  /** For the report: which mesh, how it runs. */
  readonly name: string
  /** Makes these the objects of the case, and waits until they hold everywhere. With what the mesh finds wrong in them. */
  apply(objects: CaseObjects): Promise<readonly string[]>
  call(from: string, call: Call): Promise<Answer>
  calls(
    from: string,
    call: Call & { readonly count: number; readonly connections: number },
  ): Promise<Readonly<Record<string, number>>>
  received(workload: string, id: string): Promise<readonly Received[]>
  tcp(from: string, call: TcpCall): Promise<TcpOutcome>
  tcpAlive(from: string, id: string): Promise<boolean>
  udp(from: string, to: { readonly host: string; readonly port: number }): Promise<boolean>
  conditions(object: string): Promise<readonly ObjectCondition[] | undefined>
  addressOf(workload: string): Promise<string>
  /** What the mesh says of a call; absent: it explains nothing. */
  explain?(from: string, call: ExplainedCall): Promise<Explained>
}

export interface CaseObjects {
  readonly manifests: readonly Manifest[]
  readonly denyByDefault: boolean
}

export interface TcpCall {
  readonly host: string
  readonly port: number
  readonly serverName?: string
  readonly keepAs?: string
}

export interface ObjectCondition {
  readonly type: string
  readonly status: string
  readonly reason: string
  /** Of a route: which of its parents it is about. */
  readonly parent?: number
}
