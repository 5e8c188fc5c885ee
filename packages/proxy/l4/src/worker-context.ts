import type { Clock, Rng } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import type { ByteBudget, HandshakeGate, LastServed, SessionKeeper } from '@tulle/tunnel'
import type { AddressDemand } from './address-demand.ts'
import type { ConnectionTable } from './connection-table.ts'
import type { CopyBuffers } from './copy-buffers.ts'
import type { Deadlines } from './deadlines.ts'
import type { L4Limits } from './limits.ts'
import type { MeshState } from './mesh-state.ts'
import type { Telemetry } from './telemetry.ts'
import type { WorkloadAccounts } from './workload-accounts.ts'

/** What all workloads of one worker share. */
export interface WorkerContext {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly network: string
  readonly limits: L4Limits
  /** Of connections that are being made. */
  readonly connecting: Deadlines
  /** Of CONNECTs that wait for their answer. */
  readonly answering: Deadlines
  readonly state: MeshState
  /** Where addresses are served on demand; absent where all of them come by themselves. */
  readonly demand: AddressDemand | undefined
  readonly buffers: CopyBuffers
  readonly telemetry: Telemetry
  readonly connections: ConnectionTable
  readonly windowBudget: ByteBudget
  readonly accounts: WorkloadAccounts
  readonly keeper: SessionKeeper
  readonly gate: HandshakeGate
  readonly served: LastServed
}
