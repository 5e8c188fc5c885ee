import type { SpiffeId } from '@tulle/identity'
import type { RejectedResource } from '@tulle/l4'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { MetricsSlice } from '@tulle/runtime'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import type { EdgeLine } from './tap/edge-meter.ts'
import type { TapFilter } from './tap/tap-filter.ts'
import type { TapLine } from './tap/tap-lines.ts'

/** What the main thread asks of a worker. Everything in it can be cloned to another thread. */
export interface WaypointCommands {
  /** Resolves when it listens: with the first full state, and a certificate of its own. False: it was closed before. */
  opened(): Promise<boolean>
  /**
   * Resolves when it is in force: the first full state when it listens too, because what is acknowledged brings callers
   * here.
   */
  apply(update: ResourceUpdate): Promise<readonly RejectedResource[]>
  setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void>
  setRevocations(revocations: Revocations): Promise<void>
  /** In slices, each made when it is asked for. */
  metrics(): AsyncGenerator<MetricsSlice, void>
  /** Live requests, those that came since it was asked last. */
  tap(wanted: TapWanted, signal: AbortSignal): AsyncGenerator<readonly TapLine[], void>
  /** Counts of requests by client and service, a line each interval. */
  edges(intervalMs: number, signal: AbortSignal): AsyncGenerator<EdgeLine, void>
  /** Takes nothing new, lets requests finish within the time; resolves with how many were cut off. */
  drain(deadlineMs: number): Promise<number>
  /** Everything ends now. */
  close(): Promise<void>
}

export interface TapWanted {
  readonly filter: TapFilter
  readonly maxPerSecond: number
}

export interface WaypointSettings {
  readonly index: number
  /** How many there are: what is of the process is divided among them. */
  readonly workers: number
  /** By which the mesh knows the waypoint: everything else about itself it is told. */
  readonly uid: string
  /** Where it listens for HBONE; the kernel spreads connections over all workers. */
  readonly listen: { readonly ip: string; readonly port: number }
  /** Of the thread's heap: one that needs more ends. */
  readonly maxHeapBytes: number
  readonly accessLog: boolean
  /** Of all workers alike: a client that comes back may come to another one. */
  readonly sessionSecret: Uint8Array
  /** This process, as collectors of spans know it. */
  readonly instanceId: string
}

/** What a worker says unasked. */
export type WaypointSaid =
  /** It needs a service's traffic. */
  | { readonly kind: 'demand'; readonly service: string }
  /** The identity that it runs as: it needs a certificate of it. Said once. */
  | { readonly kind: 'identity'; readonly identity: SpiffeId }
