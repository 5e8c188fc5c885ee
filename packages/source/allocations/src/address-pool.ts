import type { IpAddress } from '@tulle/mesh'
import { inRange, numberAddress } from './address-range.ts'
import type { AddressRange } from './address-range.ts'

/** The free addresses of one range: never used ones come first, then the one that was released longest ago. */
export class AddressPool {
  readonly name: string
  readonly range: AddressRange
  /** Former owners, in the order of release. */
  readonly #released: Map<IpAddress, string> = new Map()
  readonly #formerly: Map<string, IpAddress> = new Map()
  readonly #isTaken: (address: IpAddress) => boolean
  /** Everything before it was used once, or is taken. */
  #next: number

  constructor(name: string, range: AddressRange, isTaken: (address: IpAddress) => boolean) {
    this.name = name
    this.range = range
    this.#isTaken = isTaken
    this.#next = range.first
  }

  contains(address: IpAddress): boolean {
    return inRange(this.range, address)
  }

  /** Addresses and their former owners, the longest released first. */
  released(): Iterable<readonly [IpAddress, string]> {
    return this.#released
  }

  release(address: IpAddress, owner: string): void {
    this.#forget(address)
    this.#released.set(address, owner)
    this.#formerly.set(owner, address)
  }

  /** The address that the owner had before, where nobody took it since. */
  takeFormer(owner: string): IpAddress | undefined {
    const address = this.#formerly.get(owner)
    if (address === undefined || this.#isTaken(address)) return undefined
    this.#forget(address)
    return address
  }

  /** Undefined once the range is exhausted. */
  take(): IpAddress | undefined {
    return this.#takeUnused() ?? this.#takeReleased()
  }

  #takeUnused(): IpAddress | undefined {
    while (this.#next <= this.range.last) {
      const address = numberAddress(this.#next++)
      if (!this.#isTaken(address) && !this.#released.has(address)) return address
    }
    return undefined
  }

  #takeReleased(): IpAddress | undefined {
    for (const address of this.#released.keys()) {
      if (this.#isTaken(address)) continue
      this.#forget(address)
      return address
    }
    return undefined
  }

  #forget(address: IpAddress): void {
    const owner = this.#released.get(address)
    if (owner === undefined) return
    this.#released.delete(address)
    if (this.#formerly.get(owner) === address) this.#formerly.delete(owner)
  }
}
