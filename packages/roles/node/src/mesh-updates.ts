import type { DataPlane, RejectedResource } from '@tulle/l4'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { LastGoodState } from './last-good-state.ts'

/** Configuration on its way from the control plane to the data path, noted as the last good state. */
export class MeshUpdates {
  readonly #dataPlane: DataPlane
  readonly #lastGood: LastGoodState

  constructor(dataPlane: DataPlane, lastGood: LastGoodState) {
    this.#dataPlane = dataPlane
    this.#lastGood = lastGood
  }

  /** Applies what a former process of this node had in force; returns how many resources that were. */
  async restore(): Promise<number> {
    const updates = this.#lastGood.load()
    for (const update of updates) await this.#dataPlane.apply(update)
    return updates.reduce((sum, update) => sum + update.upserts.length, 0)
  }

  /** Resolves when every worker has applied the update, with what was refused of it. */
  async apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    const complete = this.#lastGood.complete(update)
    const rejected = await this.#dataPlane.apply(complete)
    this.#lastGood.applied(complete, new Set(rejected.map((one) => one.name)))
    return rejected
  }
}
