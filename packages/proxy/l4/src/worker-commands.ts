import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { MetricsSnapshot } from '@tulle/runtime'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import type {
  ConnectionInfo,
  EnrolledWorkload,
  ListeningSocket,
  RejectedResource,
  WorkerDump,
} from './data-plane.ts'
import type { L4ErrorCode } from './errors.ts'
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
  connections(): Promise<readonly ConnectionInfo[]>
  metrics(): Promise<MetricsSnapshot>
  dump(): Promise<WorkerDump>
  drain(deadlineMs: number): Promise<void>
  /** Everything ends now. */
  close(): Promise<void>
}

export interface ListenerAdoption {
  readonly uid: string
  readonly sockets: readonly ListeningSocket[]
}

export interface WorkerSettings {
  readonly index: number
  readonly network: string
  readonly limits: L4Limits
  readonly accessLog: boolean
}

/** Between threads: requests with a number, and their answers. */
export interface WorkerRequest {
  readonly id: number
  readonly method: keyof WorkerCommands
  readonly argument: unknown
}

export type WorkerMessage =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'failed'
      readonly id: number
      readonly code: L4ErrorCode | undefined
      readonly message: string
    }
  | { readonly kind: 'access-log'; readonly lines: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly message: string
      readonly fields: Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>
    }
