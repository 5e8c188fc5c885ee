import { compareText } from '@tulle/core'
import type { IpAddress } from '@tulle/mesh'
import { AddressPool } from './address-pool.ts'
import type { AddressRange } from './address-range.ts'
import type { Demand, PoolName } from './demand.ts'
import type { Entry, Kept } from './kept.ts'

/** An object whose address a user gave to another one. */
export interface Displaced {
  readonly owner: string
  readonly address: IpAddress
  readonly givenTo: string
}

/** What settling came to. */
export interface Settled {
  /** Whether there is anything new to keep. */
  readonly changed: boolean
  readonly displaced: readonly Displaced[]
  /** Ranges that ran out of addresses since there was last enough. */
  readonly exhausted: readonly PoolName[]
}

/** Who has which address. It is told what objects demand, and settles all that it was told at once. */
export class Ledger {
  readonly #pools: Readonly<Record<PoolName, AddressPool>>
  readonly #allotted: Map<string, IpAddress> = new Map()
  readonly #owners: Map<IpAddress, string> = new Map()
  /** Addresses that users gave, and the objects that they gave them to. */
  readonly #given: Map<IpAddress, string | Set<string>> = new Map()
  readonly #demands: Map<string, Demand> = new Map()
  readonly #news: Map<string, Demand | undefined> = new Map()
  readonly #waiting: Readonly<Record<PoolName, Set<string>>> = { services: new Set(), workloads: new Set() }
  readonly #exhausted: Set<PoolName> = new Set()
  #changed: boolean = false

  /** Every owner that was kept loses its address in the first settling, unless it is told of before. */
  constructor(ranges: Readonly<Record<PoolName, AddressRange>>, kept: Kept) {
    const isTaken = (address: IpAddress): boolean => this.#owners.has(address) || this.#given.has(address)
    this.#pools = {
      services: new AddressPool('services', ranges.services, isTaken),
      workloads: new AddressPool('workloads', ranges.workloads, isTaken),
    }
    for (const { owner, address } of kept.released) this.#poolOf(address)?.release(address, owner)
    for (const { owner, address } of kept.allotted) {
      this.#hold(owner, address)
      this.#news.set(owner, undefined)
    }
  }

  get allotted(): ReadonlyMap<string, IpAddress> {
    return this.#allotted
  }

  /** Whether it was told of anything since it last settled. */
  get hasNews(): boolean {
    return this.#news.size > 0
  }

  demand(key: string, demand: Demand | undefined): void {
    this.#news.set(key, demand)
  }

  kept(): Kept {
    const released = Object.values(this.#pools).flatMap((pool) => [...pool.released()])
    return {
      allotted: [...this.#allotted].map(entry).toSorted((a, b) => compareText(a.owner, b.owner)),
      released: released.map(([address, owner]) => ({ owner, address })),
    }
  }

  /** What is withdrawn goes first and what users give comes second, so that nothing is allotted that must move. */
  settle(): Settled {
    this.#changed = false
    const news = [...this.#news].toSorted(([a], [b]) => compareText(a, b))
    this.#news.clear()
    for (const [key, demand] of news) this.#withdraw(key, demand)
    const displaced: Displaced[] = []
    for (const [key, demand] of news) {
      if (demand?.kind === 'given') displaced.push(...this.#give(key, demand.address))
      if (demand?.kind === 'allot' && !this.#allotted.has(key)) this.#waiting[demand.pool].add(key)
    }
    const exhausted = [...this.#serve('services'), ...this.#serve('workloads')]
    return { changed: this.#changed, displaced, exhausted }
  }

  /** Takes back whatever of the old demand the new one does not ask for. */
  #withdraw(key: string, demand: Demand | undefined): void {
    const old = this.#demands.get(key)
    if (demand === undefined) this.#demands.delete(key)
    else this.#demands.set(key, demand)
    if (demand?.kind !== 'allot') this.#unallot(key)
    if (old?.kind === 'given' && !(demand?.kind === 'given' && demand.address === old.address)) {
      this.#ungive(key, old.address)
    }
  }

  #unallot(key: string): void {
    this.#waiting.services.delete(key)
    this.#waiting.workloads.delete(key)
    const address = this.#drop(key)
    if (address !== undefined) this.#poolOf(address)?.release(address, key)
  }

  /** Clients may know an address still that a user gave, so it is as good as released. */
  #ungive(key: string, address: IpAddress): void {
    const holders = this.#given.get(address)
    if (holders === undefined || (typeof holders === 'string' && holders !== key)) return
    if (holders instanceof Set) {
      holders.delete(key)
      if (holders.size > 0) return
    }
    this.#given.delete(address)
    const pool = this.#poolOf(address)
    if (pool === undefined) return
    pool.release(address, key)
    this.#changed = true
  }

  #give(key: string, address: IpAddress): readonly Displaced[] {
    const holders = this.#given.get(address)
    // One, as a rule: a set for each would take much memory.
    if (holders === undefined) this.#given.set(address, key)
    else if (typeof holders === 'string') this.#given.set(address, new Set([holders, key]))
    else holders.add(key)
    const owner = this.#owners.get(address)
    if (owner === undefined) return []
    this.#drop(owner)
    const demand = this.#demands.get(owner)
    if (demand?.kind === 'allot') this.#waiting[demand.pool].add(owner)
    return [{ owner, address, givenTo: key }]
  }

  /** Those that come back choose before those that take any. */
  #serve(name: PoolName): readonly PoolName[] {
    const waiting = this.#waiting[name]
    const pool = this.#pools[name]
    const queue = [...waiting].toSorted(compareText)
    for (const key of queue) this.#allot(key, pool.takeFormer(key), waiting)
    for (const key of queue) {
      if (waiting.has(key) && !this.#allot(key, pool.take(), waiting)) break
    }
    if (waiting.size === 0) this.#exhausted.delete(name)
    if (waiting.size === 0 || this.#exhausted.has(name)) return []
    this.#exhausted.add(name)
    return [name]
  }

  #allot(key: string, address: IpAddress | undefined, waiting: Set<string>): boolean {
    if (address === undefined) return false
    waiting.delete(key)
    this.#hold(key, address)
    this.#changed = true
    return true
  }

  #hold(key: string, address: IpAddress): void {
    this.#allotted.set(key, address)
    this.#owners.set(address, key)
  }

  #drop(key: string): IpAddress | undefined {
    const address = this.#allotted.get(key)
    if (address === undefined) return undefined
    this.#allotted.delete(key)
    this.#owners.delete(address)
    this.#changed = true
    return address
  }

  #poolOf(address: IpAddress): AddressPool | undefined {
    return Object.values(this.#pools).find((pool) => pool.contains(address))
  }
}

function entry([owner, address]: readonly [string, IpAddress]): Entry {
  return { owner, address }
}
