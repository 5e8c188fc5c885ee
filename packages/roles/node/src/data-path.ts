import type { DataPlane } from '@tulle/l4'
import type { Component } from '@tulle/runtime'

/** The data path as a part of the process. */
export class DataPath implements Component {
  readonly name: string = 'data path'
  readonly #dataPlane: DataPlane
  readonly #begin: () => Promise<void>
  #ended: Promise<number> | undefined

  /** Absent `begin`: it serves when it has state, so its start waits for nothing. */
  constructor(dataPlane: DataPlane, begin: () => Promise<void> = async () => undefined) {
    this.#dataPlane = dataPlane
    this.#begin = begin
  }

  start(): Promise<void> {
    return this.#begin()
  }

  /** Drains once, with the deadline of the first call; resolves with how many connections were cut. */
  end(deadlineMs: number): Promise<number> {
    this.#ended ??= this.#dataPlane.drain(deadlineMs)
    return this.#ended
  }

  async drain(deadlineMs: number): Promise<void> {
    await this.end(deadlineMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dataPlane[Symbol.asyncDispose]()
  }
}
