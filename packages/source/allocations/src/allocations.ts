import type { ServiceObject, WorkloadObject } from '@tulle/api'
import type { Collection, Graph, Source } from '@tulle/collections'
import { errorText, must } from '@tulle/core'
import { parseIpRange } from '@tulle/mesh'
import type { IpAddress, IpRange } from '@tulle/mesh'
import type { Log } from '@tulle/runtime'
import { allottableRange } from './address-range.ts'
import type { AddressRange } from './address-range.ts'
import { serviceDemand, workloadDemand } from './demand.ts'
import type { Demand, PoolName } from './demand.ts'
import { AllocationsError } from './errors.ts'
import { readKept, writeKept } from './kept-file.ts'
import { Ledger } from './ledger.ts'
import type { Settled } from './ledger.ts'

/** The objects that need addresses, or bring their own; both collections are keyed by `objectKey`. */
export interface AllocationsApi {
  readonly services: Collection<ServiceObject>
  readonly workloads: Collection<WorkloadObject>
}

/** Addresses that were allotted, by the key of what they were allotted to. */
export interface Allotted {
  readonly addresses: Source<IpAddress>
  /**
   * Allots addresses of workloads to what is derived from objects that have theirs already: called once, with everything
   * that has such keys. Before it is called, they keep what they had before a restart.
   */
  alsoFor(derived: Collection<unknown>, ownerOf: (key: string) => string): void
}

export interface AllocationsOptions {
  readonly graph: Graph
  readonly api: AllocationsApi
  /** Where addresses are kept: JSON, readable by its owner only. Its folder must exist. */
  readonly file: string
  readonly log: Log
  /** IPv4; 240.240.0.0/16 where absent. */
  readonly serviceRange?: IpRange
  /** IPv4; 10.77.0.0/16 where absent. */
  readonly workloadRange?: IpRange
  /** How many addresses at the start of the workloads' range are left to nodes and bridges; 256 where absent. */
  readonly workloadReserved?: number
}

const defaultServiceRange: IpRange = must(parseIpRange('240.240.0.0/16'))
const defaultWorkloadRange: IpRange = must(parseIpRange('10.77.0.0/16'))
const defaultWorkloadReserved = 256

/**
 * Allots an address to each Service without a clusterIP and each Workload that runs without an address, and keeps it for
 * as long as the object needs it. All that is there already has its address once the promise resolves. Rejects with
 * AllocationsError where the ranges or the file cannot be used; a file that cannot be written later on is logged, and
 * new objects go without until a later change could be written.
 */
export async function allocations(options: AllocationsOptions): Promise<Allotted> {
  const { graph, api, file, log } = options
  const kept = await readKept(file, log)
  const ledger = new Ledger(rangesOf(options), kept)
  const keptForDerived = kept.allotted.map(({ owner }) => owner).filter(isDerived)
  for (const owner of keptForDerived) ledger.demand(owner, derivedDemand)
  const allotted = graph.source<IpAddress>('allocations')
  let unsaved = false
  const settle = (): void => {
    const settled = ledger.settle()
    report(settled, log)
    unsaved ||= settled.changed
    if (!unsaved) return
    writeKept(file, ledger.kept())
    unsaved = false
    graph.transaction(() => allotted.replace(ledger.allotted))
  }

  follow(api.services, serviceDemand, ledger)
  follow(api.workloads, workloadDemand, ledger)
  settle()
  graph.transaction(() => allotted.replace(ledger.allotted))
  // After all subscribers: what a Workload is given and what a Service lacks may come in one transaction.
  graph.onTransaction(() => {
    if (!unsaved && !ledger.hasNews) return
    const failedBefore = unsaved
    try {
      settle()
    } catch (error) {
      if (!(error instanceof AllocationsError)) throw error
      if (!failedBefore) log.error('new objects go without an address', { file, error: errorText(error) })
    }
  })
  return {
    addresses: allotted,
    alsoFor: (derived, ownerOf) => {
      for (const owner of keptForDerived) ledger.demand(owner, undefined)
      for (const [key] of derived.entries()) ledger.demand(ownerOf(key), derivedDemand)
      derived.subscribe((changes) => {
        for (const { key, after } of changes)
          ledger.demand(ownerOf(key), after === undefined ? undefined : derivedDemand)
      })
      settle()
      graph.transaction(() => allotted.replace(ledger.allotted))
    },
  }
}

/** Waypoints are no objects of their own: where something needs one, there is one. */
function isDerived(owner: string): boolean {
  return owner.startsWith('tulle.dev/Waypoint/')
}

const derivedDemand: Demand = { kind: 'allot', pool: 'workloads' }

function follow<O>(
  objects: Collection<O>,
  demandOf: (object: O) => Demand | undefined,
  ledger: Ledger,
): void {
  for (const [key, object] of objects.entries()) ledger.demand(key, demandOf(object))
  objects.subscribe((changes) => {
    for (const { key, after } of changes) {
      ledger.demand(key, after === undefined ? undefined : demandOf(after))
    }
  })
}

function rangesOf(options: AllocationsOptions): Readonly<Record<PoolName, AddressRange>> {
  const reserved = options.workloadReserved ?? defaultWorkloadReserved
  const services = allottableRange(options.serviceRange ?? defaultServiceRange, 0)
  const workloads = allottableRange(options.workloadRange ?? defaultWorkloadRange, reserved)
  if (services.last < workloads.first || workloads.last < services.first) return { services, workloads }
  throw new AllocationsError('ALLOCATIONS_RANGE', 'the ranges of services and of workloads overlap')
}

function report({ displaced, exhausted }: Settled, log: Log): void {
  for (const { owner, address, givenTo } of displaced) {
    log.warn('an address was allotted before a user gave it to another object: its owner moves', {
      address,
      owner,
      givenTo,
    })
  }
  for (const range of exhausted) log.warn('no address is left: new objects go without', { range })
}
