import type { Endpoint } from '@tulle/balance'
import type { Fields, RequestHead } from '@tulle/http1'
import type { Verdict } from '@tulle/policy'
import type { Downstream } from './downstream.ts'
import type { LocalReply } from './local-reply.ts'
import type { CompiledBackend, CompiledRule } from './routing/compiled-rule.ts'
import type { RequestView } from './routing/request-view.ts'
import type { SessionKeeper } from './sessions.ts'
import type { Cluster, UpstreamSpec } from './upstream/cluster.ts'

/** One request on its way through the stages: what each of them found out. Each field is written by one stage. */
export class RequestState implements RequestView {
  /** What will be forwarded. */
  readonly head: RequestHead
  readonly downstream: Downstream
  readonly method: string
  readonly fields: Fields
  /** normalise */
  path: string = ''
  query: string = ''
  host: string = ''
  /** route */
  rule: CompiledRule | undefined
  backend: CompiledBackend | undefined
  /** session: who keeps it, and the endpoint that a live one is with. */
  session: { readonly keeper: SessionKeeper; live: string | undefined } | undefined
  /** authorize */
  verdict: Verdict | undefined
  refusedBy: ReadonlySet<string> | undefined
  /** What the authorizer went by: when that has changed, attempts that are still to come are judged anew. */
  judgedBy: unknown
  /** filters: the origin that a CORS filter speaks to. */
  corsOrigin: string | undefined
  /** filters: as the fields were judged, where they are forwarded otherwise. */
  judgedFields: Fields | undefined
  /** balance */
  cluster: Cluster | undefined
  /** admit: a fault on purpose, before the first attempt. */
  delayMs: number = 0
  abort: LocalReply | undefined
  /** attempt: the endpoints that have failed it. */
  tried: Endpoint<UpstreamSpec>[] | undefined
  /** What came behind the payload, as it is forwarded: judge-trailers. */
  trailers: Fields | undefined
  /** The key of the endpoint whose answer it is. */
  answeredBy: string | undefined

  constructor(head: RequestHead, downstream: Downstream) {
    this.head = head
    this.downstream = downstream
    this.method = head.method
    this.fields = head.fields
  }
}
