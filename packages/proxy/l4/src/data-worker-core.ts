import { errorText, flushNow } from '@tulle/core'
import type { Clock, Rng } from '@tulle/core'
import { closeFd } from '@tulle/kernel'
import { spiffeId } from '@tulle/identity'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { nextTurn } from '@tulle/runtime'
import type { Log, MetricsSlice } from '@tulle/runtime'
import {
  ByteBudget,
  CredentialHolder,
  HandshakeGate,
  HeldBytes,
  LastServed,
  noRevocations,
  SessionKeeper,
} from '@tulle/tunnel'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import { AccessLog } from './access-log.ts'
import { AddressDemand } from './address-demand.ts'
import { ConnectionTable } from './connection-table.ts'
import { CopyBuffers } from './copy-buffers.ts'
import { Deadlines } from './deadlines.ts'
import type {
  ConnectionInfo,
  EnrolledWorkload,
  ListeningSocket,
  RejectedResource,
  WorkerDump,
} from './data-plane.ts'
import { Enrolment } from './enrolment.ts'
import { identityOf } from './identity-of.ts'
import { handshakeRests } from './limits.ts'
import type { L4Limits } from './limits.ts'
import { MeshState } from './mesh-state.ts'
import { PolicyWatch } from './policy-watch.ts'
import { Telemetry } from './telemetry.ts'
import type { ListenerAdoption, SettledDemand, WorkerCommands, WorkerSettings } from './worker-commands.ts'
import type { WorkerContext } from './worker-context.ts'
import { WorkloadAccounts } from './workload-accounts.ts'
import { WorkloadScope } from './workload-scope.ts'

/** The last numbers of a workload that left can be scraped for so long. */
const seriesGraceMs = 300_000

/** Buffers that a burst left behind are let go of after one to two of these. */
const trimMs = 10_000

export interface DataWorkerDeps {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  /** User and system time of the thread so far. */
  cpuMicroseconds(): number
  /** Asks for an address that a connection needs; answered by `settleDemand`. */
  onAddressNeeded(name: string): void
  /** Takes access log lines; done with the bytes when it returns. */
  onAccessLog(lines: Buffer): void
}

/** One worker of the data path, on whatever thread it runs: state, credentials, and the workloads it serves. */
export class DataWorker implements WorkerCommands {
  readonly #settings: WorkerSettings
  readonly #context: WorkerContext
  readonly #accessLog: AccessLog | undefined
  readonly #state: MeshState = new MeshState()
  readonly #enrolments: Map<string, Enrolment> = new Map()
  readonly #policyWatch: PolicyWatch
  readonly #credentials: Map<string, CredentialHolder> = new Map()
  /** Workloads that left, while their metrics stay. */
  readonly #departed: Map<string, Disposable> = new Map()
  /** Certificates whose workload has not come yet, or may come back. */
  #certificates: ReadonlyMap<string, WorkloadCertificate> = new Map()
  #revocations: Revocations = noRevocations
  readonly #trimmer: Disposable

  constructor(settings: WorkerSettings, deps: DataWorkerDeps) {
    const { clock, rng, log } = deps
    this.#settings = settings
    this.#accessLog = settings.accessLog
      ? new AccessLog(clock, (lines) => deps.onAccessLog(lines))
      : undefined
    const telemetry = new Telemetry()
    const state = this.#state
    const { limits } = settings
    const windowBudget = new ByteBudget(limits.maxWindowBytes)
    const shares = { windowBudget, held: new HeldBytes(clock, limits.maxHeldBytes) }
    const accounts = new WorkloadAccounts({
      limits,
      clock,
      shares,
      cpuMicroseconds: deps.cpuMicroseconds,
    })
    this.#context = {
      clock,
      rng,
      log,
      state,
      demand: settings.onDemand ? demandOf(limits, deps) : undefined,
      telemetry,
      network: settings.network,
      limits,
      connecting: new Deadlines(clock, limits.connectTimeoutMs),
      answering: new Deadlines(clock, limits.answerTimeoutMs),
      buffers: new CopyBuffers(),
      connections: new ConnectionTable({ clock, telemetry, accessLog: this.#accessLog, accounts }),
      windowBudget,
      accounts,
      keeper: new SessionKeeper(clock, limits.expiredSessionMs),
      gate: new HandshakeGate({
        maxPerTurn: limits.maxHandshakesPerTurn,
        rests: handshakeRests(limits),
        beforeSome: flushNow,
      }),
      served: new LastServed(),
    }
    this.#policyWatch = new PolicyWatch(this.#context)
    this.#trimmer = clock.every(trimMs, () => this.#context.buffers.trim())
  }

  async apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    const rejected = this.#state.apply(update)
    for (const enrolment of this.#enrolments.values()) {
      enrolment.tryOpen()
      this.#policyWatch.look(enrolment.scope)
    }
    return rejected
  }

  async setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void> {
    this.#certificates = new Map(certificates.map((certificate) => [certificate.identity, certificate]))
    for (const [identity, holder] of this.#credentials) this.#setCertificate(identity, holder)
    for (const enrolment of this.#enrolments.values()) enrolment.tryOpen()
  }

  async setRevocations(revocations: Revocations): Promise<void> {
    this.#revocations = revocations
    for (const holder of this.#credentials.values()) holder.setRevocations(revocations)
    for (const { scope } of this.#enrolments.values()) {
      this.#context.connections.closeRevoked(scope.uid, revocations.identities)
    }
    // Of a serial that is revoked only its sessions know; what they carry hears the reason from them.
    this.#context.keeper.endRevoked()
  }

  addWorkload(workload: EnrolledWorkload): Promise<void> {
    const identity = identityOf(workload)
    const before = this.#enrolments.get(workload.uid)
    before?.close('enrolled again')
    const scope = new WorkloadScope(this.#context, workload, identity)
    const enrolment = new Enrolment(scope, this.#holder(spiffeId(identity)))
    this.#enrolments.set(workload.uid, enrolment)
    this.#departed.get(workload.uid)?.[Symbol.dispose]()
    this.#departed.delete(workload.uid)
    enrolment.tryOpen()
    this.#policyWatch.look(scope)
    if (before !== undefined) this.#releaseHolder(spiffeId(before.scope.identity))
    return enrolment.opened
  }

  async removeWorkload(uid: string): Promise<void> {
    const enrolment = this.#enrolments.get(uid)
    if (enrolment === undefined) return
    this.#enrolments.delete(uid)
    this.#policyWatch.forget(uid)
    enrolment.close('workload removed')
    this.#releaseHolder(spiffeId(enrolment.scope.identity))
    const { accounts, clock, telemetry } = this.#context
    const forget = (): void => {
      this.#departed.delete(uid)
      telemetry.release(uid)
      accounts.release(uid)
    }
    this.#departed.set(uid, clock.after(seriesGraceMs, forget))
  }

  async exportListeners(uid: string): Promise<readonly ListeningSocket[]> {
    return this.#enrolments.get(uid)?.exportListeners(this.#settings.index) ?? []
  }

  async adoptListeners({ uid, sockets }: ListenerAdoption): Promise<void> {
    const enrolment = this.#enrolments.get(uid)
    if (enrolment === undefined) for (const { fd } of sockets) closeFd(fd)
    enrolment?.adopt(sockets)
  }

  async release(uid: string): Promise<void> {
    this.#enrolments.get(uid)?.release()
  }

  async settleDemand({ name, outcome }: SettledDemand): Promise<void> {
    this.#context.demand?.settle(name, outcome, this.#state.knows(name))
  }

  async *connections(): AsyncGenerator<readonly ConnectionInfo[], void> {
    for (const slice of this.#context.connections.list(this.#settings.index)) {
      yield slice
      await nextTurn()
    }
  }

  async *metrics(): AsyncGenerator<MetricsSlice, void> {
    const { accounts, buffers, connections, telemetry, windowBudget } = this.#context
    for (const _reported of connections.report()) await nextTurn()
    telemetry.held(buffers, windowBudget.takenBytes)
    yield* accounts.slices((uid) => connections.countOf(uid))
    yield* telemetry.slices()
  }

  async dump(): Promise<WorkerDump> {
    const entries = [...this.#state.entries()]
    return {
      worker: this.#settings.index,
      ready: this.#state.complete,
      workloads: entries.flatMap((entry) => (entry.kind === 'workload' ? [entry.workload] : [])),
      services: entries.flatMap((entry) => (entry.kind === 'service' ? [entry.service] : [])),
      policies: [...this.#state.policies()],
      refusedPolicies: this.#state.refusedPolicies,
      certificates: [...this.#credentials.values()].flatMap((holder) => {
        const certificate = holder.current?.certificate
        if (certificate === undefined) return []
        const { identity, serial, notBeforeMs, notAfterMs } = certificate
        return [{ identity, serial, notBeforeMs, notAfterMs }]
      }),
      enrolled: [...this.#enrolments.values()].map((enrolment) => ({
        uid: enrolment.scope.uid,
        state: enrolment.phase === 'listening' ? 'listening' : 'waiting',
        reason: enrolment.waitsFor,
      })),
    }
  }

  async drain(deadlineMs: number): Promise<void> {
    for (const enrolment of this.#enrolments.values()) enrolment.drain()
    const { clock } = this.#context
    const late = Promise.withResolvers<void>()
    const timer = clock.after(deadlineMs, () => late.resolve())
    await Promise.race([this.#idle(), late.promise])
    timer[Symbol.dispose]()
    this.#accessLog?.flush()
  }

  async close(): Promise<void> {
    for (const enrolment of this.#enrolments.values()) enrolment.close('the proxy ends')
    this.#enrolments.clear()
    for (const timer of this.#departed.values()) timer[Symbol.dispose]()
    this.#departed.clear()
    this.#context.keeper[Symbol.dispose]()
    this.#trimmer[Symbol.dispose]()
    this.#accessLog?.flush()
  }

  /** Connections first; their last bytes may still be on the way, so then the sessions. */
  async #idle(): Promise<void> {
    await this.#context.connections.empty()
    for (const enrolment of this.#enrolments.values()) enrolment.drainPool()
    await this.#context.keeper.empty()
  }

  #holder(identity: string): CredentialHolder {
    const known = this.#credentials.get(identity)
    if (known !== undefined) return known
    const holder = new CredentialHolder(this.#context.clock)
    holder.setRevocations(this.#revocations)
    this.#credentials.set(identity, holder)
    this.#setCertificate(identity, holder)
    return holder
  }

  #releaseHolder(identity: string): void {
    const inUse = this.#enrolments.values().some(({ scope }) => spiffeId(scope.identity) === identity)
    if (!inUse) this.#credentials.delete(identity)
  }

  #setCertificate(identity: string, holder: CredentialHolder): void {
    const certificate = this.#certificates.get(identity)
    if (certificate === undefined) return
    try {
      holder.set(certificate)
    } catch (error) {
      // The one before stays in force until it ends: no better one is to be had here.
      this.#context.log.error('certificate not usable', { identity, error: errorText(error) })
    }
  }
}

function demandOf(limits: L4Limits, { clock, onAddressNeeded }: DataWorkerDeps): AddressDemand {
  const { demandTimeoutMs: timeoutMs, maxDemandsPerWorkload: maxWaitingPerWorkload } = limits
  return new AddressDemand({ clock, timeoutMs, maxWaitingPerWorkload, ask: onAddressNeeded })
}
