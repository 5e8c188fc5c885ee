import type { Balancer, Endpoint, EndpointSpec } from '@tulle/balance'
import type { ClientExchange, ClientHandler, RequestHead } from '@tulle/http1'
import type { TlsTerms } from '@tulle/traffic'
import type { ServiceResilience } from '../resilience.ts'

/** An endpoint that requests can be sent to. */
export interface UpstreamSpec extends EndpointSpec {
  readonly ip: string
  readonly port: number
  readonly protocol: 'http1' | 'http2'
  /** How it is reached and who has to be there, where that may change under one key: no connection outlives it. */
  readonly way?: string
  /** Nothing goes there but over this TLS. */
  readonly tls?: TlsTerms
}

/** A connection to an endpoint, made or being made. */
export interface UpstreamConnection {
  /** It has been up, whatever became of it since: what failed before cannot have reached the endpoint. */
  readonly connected: boolean
  /** Begins a request; undefined: it is not to be had for another one after all. */
  request(head: RequestHead, handler: ClientHandler, end: boolean): ClientExchange | undefined
}

/** The endpoints of one port of one service, and the ways to them. */
export interface Cluster {
  /** `namespace/hostname`. */
  readonly service: string
  readonly port: number
  readonly balancer: Balancer<UpstreamSpec>
  readonly resilience: ServiceResilience
  /** Undefined: there are too many already, or too many requests wait for theirs. */
  connect(endpoint: Endpoint<UpstreamSpec>): UpstreamConnection | undefined
}

/** Where clusters come from: a file, or the mesh. */
export interface ClusterDirectory {
  /** With terms: over TLS by those. Clusters that differ in them have no connection in common. */
  clusterOf(service: string, port: number, tls?: TlsTerms): Cluster | undefined
}
