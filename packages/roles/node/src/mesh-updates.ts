import type { IdentityUpdates } from '@tulle/control-client'
import type { DataPlane, RejectedResource } from '@tulle/l4'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { AddressBook } from './address-book.ts'
import type { LastGoodState } from './last-good-state.ts'

export interface MeshUpdatesDeps {
  readonly dataPlane: DataPlane
  readonly lastGood: LastGoodState
  /** Whom to believe; the rest is the data path's. */
  readonly identities: IdentityUpdates
  /** Where addresses are served on demand. */
  readonly addresses: AddressBook | undefined
}

/** Configuration on its way from the control plane to the data path, noted as the last good state. */
export class MeshUpdates {
  readonly #deps: MeshUpdatesDeps

  constructor(deps: MeshUpdatesDeps) {
    this.#deps = deps
  }

  /**
   * Applies what a former process of this node had in force; returns how many resources that were. `onRestored` hears
   * of each type, with what was refused of it.
   */
  async restore(
    onRestored: (update: ResourceUpdate, rejected: readonly RejectedResource[]) => void,
  ): Promise<number> {
    const updates = this.#deps.lastGood.load()
    for (const update of updates) onRestored(update, await this.#take(update))
    return updates.reduce((sum, update) => sum + update.upserts.length, 0)
  }

  /** Resolves when every worker has applied the update, with what was refused of it. */
  async apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    const { lastGood } = this.#deps
    const rejected = await this.#take(update)
    lastGood.applied(update, new Set(rejected.map((one) => one.name)))
    return rejected
  }

  async #take(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    const { dataPlane, identities, addresses } = this.#deps
    if (identities.handles(update.typeUrl)) return identities.apply(update)
    const rejected = await dataPlane.apply(update)
    addresses?.applied(update)
    return rejected
  }
}
