import type { AccessPolicy } from '@tulle/access'
import type { TracingSettings } from '@tulle/mesh'
import type { Attributes } from '@tulle/otlp'
import type { Resilience, ServiceTraffic } from '@tulle/traffic'
import type { UpstreamSpec } from '../upstream/cluster.ts'

/** PEM text, or before it was read the files with it. */
export interface CertificatePem {
  readonly chain: string
  readonly key: string
}

/** A port that takes requests for one service. */
export interface ListenerPlan {
  readonly name: string
  readonly ip: string
  readonly port: number
  /** `http`: HTTP/1.1; `http2`: HTTP/2 that both sides know of; `https`: TLS, and what its ALPN agrees on. */
  readonly protocol: 'http' | 'http2' | 'https'
  readonly certificate: CertificatePem | undefined
  readonly traffic: ServiceTraffic
  /** What requests have to pass. */
  readonly access: readonly AccessPolicy[]
}

export interface ClusterPlan {
  readonly service: string
  readonly port: number
  readonly endpoints: readonly UpstreamSpec[]
  readonly resilience?: Resilience
}

/** Where spans go, and who is said to send them. */
export interface TracingPlan {
  readonly settings: TracingSettings
  readonly resource: Attributes
}

/** All that a proxy without a control plane does: plain data, given to each of its threads. */
export interface HttpPlan {
  readonly listeners: readonly ListenerPlan[]
  readonly clusters: readonly ClusterPlan[]
  readonly tracing?: TracingPlan
}
