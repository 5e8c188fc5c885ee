import type { Worker } from 'node:worker_threads'
import type { Clock } from '@tulle/core'
import type { SpiffeId } from '@tulle/identity'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { Log, MergedMetrics } from '@tulle/runtime'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import type { L4Error } from './errors.ts'
import type { L4Limits } from './limits.ts'

/** An address to listen on or to connect to. */
export interface SocketAddress {
  readonly ip: string
  readonly port: number
}

/** Where a workload's traffic is picked up when nothing redirects it to the usual ports. */
export interface ListenerPlan {
  /** Captured outbound connections: the destination is read from the kernel (SO_ORIGINAL_DST). */
  readonly outbound?: SocketAddress
  /** Outbound connections that all go to one destination, as if each had been captured on its way there. */
  readonly fixedOutbound?: readonly { readonly listen: SocketAddress; readonly destination: SocketAddress }[]
  /** HBONE from other proxies. */
  readonly hbone?: SocketAddress
  /** Captured plaintext towards the workload. */
  readonly plaintext?: SocketAddress
  /** Plaintext towards one port of the workload, as if captured on its way there. */
  readonly fixedPlaintext?: readonly { readonly listen: SocketAddress; readonly destination: SocketAddress }[]
  /**
   * The namespace has the redirection rules: sockets carry the proxy's mark and keep the caller's address, which
   * needs CAP_NET_ADMIN. Always so with a `netns` of the workload's own.
   */
  readonly captured?: boolean
  /** Where the application listens for what comes to a port of the workload; the workload's own address if absent. */
  readonly applications?: readonly { readonly port: number; readonly address: SocketAddress }[]
  /** What the application's own connections count as coming from, where that is not the workload's address. */
  readonly sourceIp?: string
}

/** What arrives at a listener. */
export type ListenerRole = 'outbound' | 'hbone' | 'plaintext'

/** A listening descriptor, valid in this process. */
export interface ListeningSocket {
  readonly role: ListenerRole
  readonly address: SocketAddress
  /** The worker that accepts from it, where it comes from. */
  readonly worker: number
  readonly fd: number
}

/** A workload whose traffic this proxy carries. */
export interface EnrolledWorkload {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly serviceAccount: string
  /** Absent on the wire means `cluster.local`. */
  readonly trustDomain?: string
  /** File descriptor of the workload's network namespace, valid in this process; `undefined` is the proxy's own. */
  readonly netns: number | undefined
  /** Absent: captured, 15001, 15006 and 15008 on every address, as the redirection rules expect. */
  readonly listeners?: ListenerPlan
  /** Another process still accepts for it: its listeners stay closed until `adoptListeners` and `release`. */
  readonly held?: boolean
}

export type Direction = 'inbound' | 'outbound'

/** One open connection, as `tulle get connections` shows it. */
export interface ConnectionInfo {
  readonly id: string
  readonly worker: number
  readonly workload: string
  readonly direction: Direction
  readonly protocol: 'hbone' | 'tcp'
  readonly source: SocketAddress
  readonly destination: SocketAddress
  readonly sourceIdentity: string | undefined
  readonly destinationIdentity: string | undefined
  readonly service: string | undefined
  readonly policy: string | undefined
  readonly openedMs: number
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** A resource that the data plane does not take, with the reason; everything else of its update is in force. */
export interface RejectedResource {
  readonly name: string
  readonly reason: string
}

export interface DataPlaneOptions {
  /** Threads of the data path; 0 runs it on the calling thread, with the given clock. */
  readonly workers: number
  /** The network that addresses without one are in. */
  readonly network?: string
  /** Of workloads that say none: that of the mesh. `cluster.local` where absent. */
  readonly trustDomain?: string
  readonly limits?: Partial<L4Limits>
}

export interface DataPlaneDeps {
  readonly log: Log
  readonly clock: Clock
  /** File descriptor that access log lines are written to; absent: none are. */
  readonly accessLogFd?: number
  /**
   * Addresses are served on demand: a connection needs this one, a `network/ip` or a resource name. Resolves when what
   * the control plane says of it was applied, also that there is nothing; rejects when nobody says. Absent: all
   * addresses come by themselves.
   */
  onAddressNeeded?(name: string): Promise<void>
  /** An enrolled workload needs a certificate for this identity; told once for each until it is no longer needed. */
  onIdentityNeeded(identity: SpiffeId): void
  /** No enrolled workload has this identity any more. */
  onIdentityReleased?(identity: SpiffeId): void
  /** Of `beginDataThreads`: the workers' threads, where they were begun before; the rest is begun now. */
  readonly threads?: readonly Worker[]
  /** A data path thread has ended by itself. What it carried is gone; the process should end too, and be restarted. */
  onFailed?(error: L4Error): void
}

/** What one worker believes, for the admin port's config dump. */
export interface WorkerDump {
  readonly worker: number
  readonly ready: boolean
  readonly workloads: readonly unknown[]
  readonly services: readonly unknown[]
  readonly policies: readonly unknown[]
  readonly refusedPolicies: readonly RejectedResource[]
  readonly certificates: readonly {
    readonly identity: string
    readonly serial: string
    readonly notBeforeMs: number
    readonly notAfterMs: number
  }[]
  readonly enrolled: readonly {
    readonly uid: string
    readonly state: 'waiting' | 'listening'
    readonly reason: string | undefined
  }[]
}

/**
 * The L4 data path: captured connections in, HBONE out, and back. It runs in worker threads; this is their
 * front on the main thread. No listener answers before `apply` has seen both Address and Authorization state
 * (an empty first update counts) and a certificate for the workload is there.
 */
export interface DataPlane extends AsyncDisposable {
  /** Resolves when every worker has applied the update, with what they refused of it. */
  apply(update: ResourceUpdate): Promise<readonly RejectedResource[]>
  /**
   * The certificates of all identities needed; one that is missing stays as it was until it expires. Nothing happens
   * when the data plane has ended.
   */
  setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void>
  setRevocations(revocations: Revocations): Promise<void>
  /**
   * Resolves when the workload's listeners are open in every worker, which is after state and certificate
   * arrived; rejects with L4_LISTEN when they cannot be opened, L4_REMOVED when it is removed before. For one that
   * is held: when state and certificate arrived.
   */
  addWorkload(workload: EnrolledWorkload): Promise<void>
  removeWorkload(uid: string): Promise<void>
  /** Duplicates of the descriptors that a workload is listened for on, in all workers; the caller closes them. */
  exportListeners(uid: string): Promise<readonly ListeningSocket[]>
  /**
   * Accepts for a held workload from sockets of another process, however many: each goes to some worker. Owns the
   * descriptors. Rejects with L4_LISTEN.
   */
  adoptListeners(uid: string, sockets: readonly ListeningSocket[]): Promise<void>
  /** A held workload is held no longer: workers open the listeners that they were not given. Rejects with L4_LISTEN. */
  release(uid: string): Promise<void>
  /** Resolves when full state has been applied. */
  readonly ready: Promise<void>
  connections(): Promise<readonly ConnectionInfo[]>
  metrics(): Promise<MergedMetrics>
  dump(): Promise<readonly WorkerDump[]>
  /**
   * Closes listeners, says GOAWAY, waits for connections up to `deadlineMs` from now, then cuts them; resolves with
   * how many those were.
   */
  drain(deadlineMs: number): Promise<number>
}
