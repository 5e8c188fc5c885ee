import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { MetricsSlice } from '@tulle/runtime'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import type { DemandOutcome } from './address-demand.ts'
import type {
  ConnectionInfo,
  EnrolledWorkload,
  ListeningSocket,
  RejectedResource,
  WorkerDump,
} from './data-plane.ts'
import type { L4Limits } from './limits.ts'

/** What the main thread asks of a worker. Everything in it can be cloned to another thread. */
export interface WorkerCommands {
  apply(update: ResourceUpdate): Promise<readonly RejectedResource[]>
  setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void>
  setRevocations(revocations: Revocations): Promise<void>
  addWorkload(workload: EnrolledWorkload): Promise<void>
  removeWorkload(uid: string): Promise<void>
  exportListeners(uid: string): Promise<readonly ListeningSocket[]>
  adoptListeners(adoption: ListenerAdoption): Promise<void>
  release(uid: string): Promise<void>
  /** What became of a name that this worker asked for; its answer was applied before. */
  settleDemand(demand: SettledDemand): Promise<void>
  /** In slices, each made when it is asked for. */
  connections(): AsyncGenerator<readonly ConnectionInfo[], void>
  /** In slices, each made when it is asked for. */
  metrics(): AsyncGenerator<MetricsSlice, void>
  dump(): Promise<WorkerDump>
  drain(deadlineMs: number): Promise<void>
  /** Everything ends now. */
  close(): Promise<void>
}

export interface ListenerAdoption {
  readonly uid: string
  readonly sockets: readonly ListeningSocket[]
}

export interface SettledDemand {
  readonly name: string
  readonly outcome: DemandOutcome
}

export interface WorkerSettings {
  readonly index: number
  readonly network: string
  readonly limits: L4Limits
  readonly accessLog: boolean
  /** Whether addresses have to be asked for. */
  readonly onDemand: boolean
}

/** What a worker says unasked: it needs an address. Answered by `settleDemand`. */
export interface WorkerSaid {
  readonly kind: 'need'
  readonly name: string
}
