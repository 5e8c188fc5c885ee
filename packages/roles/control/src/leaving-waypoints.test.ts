import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import { TestClock } from '@tulle/core'
import type { Waypoint, Workload } from '@tulle/mesh'
import { addressType } from '@tulle/mesh-xds'
import type { NodeReceipt } from '@tulle/xds'
import { followLeavingWaypoints } from './leaving-waypoints.ts'

const key = 'shop/w'
const uid = 'tulle//Workload/shop/till'

/** The control plane's side of a waypoint that leaves, with what nodes say written by hand. */
class LeavingWorld implements Disposable {
  readonly clock: TestClock = new TestClock()
  readonly #graph: Graph = createGraph({
    onError: (error) => {
      throw error
    },
  })
  readonly ready: Source<true> = this.#graph.source('ready')
  readonly ending: Source<true> = this.#graph.source('ending')
  readonly ledBefore: Source<readonly string[]> = this.#graph.source('led-before')
  readonly #waypoints: Source<Waypoint> = this.#graph.source('waypoints')
  readonly #leads: Source<readonly string[]> = this.#graph.source('leads')
  #nodes: NodeReceipt[] = []
  #onReceipt: () => void = () => undefined
  readonly #following: Disposable

  constructor() {
    this.#graph.transaction(() => {
      this.ready.set(key, true)
      this.#leads.set(uid, [key])
      this.#waypoints.set(key, waypoint)
    })
    const receipts = {
      nodes: () => this.#nodes,
      subscribe: (run: () => void): Disposable => {
        this.#onReceipt = run
        return { [Symbol.dispose]: () => undefined }
      },
    }
    this.#following = followLeavingWaypoints({
      graph: this.#graph,
      clock: this.clock,
      waypoints: this.#waypoints,
      leads: this.#leads,
      workloads: this.#graph.source<Workload>('workloads'),
      receipts,
      ready: this.ready,
      ending: this.ending,
      ledBefore: this.ledBefore,
      drainMs: 30_000,
    })
  }

  get revision(): number {
    return this.#graph.revision
  }

  /** As translation has it when nothing needs the waypoint any more. */
  async isNotNeeded(): Promise<void> {
    this.#graph.transaction(() => {
      this.#waypoints.set(key, { ...waypoint, leaving: 'finishing' })
      this.#leads.delete(uid)
    })
    await this.settled()
  }

  async isNeeded(): Promise<void> {
    this.#graph.transaction(() => this.#waypoints.set(key, waypoint))
    await this.settled()
  }

  /** What nodes have applied, by name. */
  async applied(nodes: Readonly<Record<string, number>>): Promise<void> {
    this.#nodes = Object.entries(nodes).map(([node, appliedRevision]) => ({
      node,
      connected: true,
      sinceMs: 0,
      appliedRevision,
      types: [
        {
          typeUrl: addressType,
          subscription: 'all',
          sentRevision: appliedRevision,
          appliedRevision,
          appliedAtMs: 0,
          rejected: [],
        },
      ],
    }))
    this.#onReceipt()
    await this.settled()
  }

  /** Until transactions that wait for their turn have had it. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]()
  }
}

const waypoint: Waypoint = { namespace: 'shop', name: 'w', serves: 'all', origin: 'automatic', reasons: [] }
const own = 'waypoint_shop_w'

test('a waypoint is told to end when every node knows that nobody is sent to it, and is gone when it has ended', async () => {
  using world = new LeavingWorld()
  await world.applied({ 'node-1': world.revision, 'node-2': world.revision, [own]: world.revision })
  await world.isNotNeeded()
  assert.equal(world.ending.get(key), undefined)
  const left = world.revision
  await world.applied({ 'node-1': left, 'node-2': 1, [own]: left })
  assert.equal(world.ending.get(key), undefined, 'one node may still send to it')
  await world.applied({ 'node-1': left, 'node-2': left, [own]: 1 })
  assert.equal(world.ending.get(key), true)
  await world.applied({ 'node-1': left, 'node-2': left, [own]: left })
  assert.equal(world.ready.get(key), true, 'it finishes what runs through it')
  await world.applied({ 'node-1': left, 'node-2': left })
  assert.deepEqual([world.ready.get(key), world.ending.get(key)], [undefined, undefined])
})

test('a node that does not answer, and a process that does not end, are waited for so long', async () => {
  using world = new LeavingWorld()
  await world.applied({ 'node-1': 1, [own]: 1 })
  await world.isNotNeeded()
  await world.clock.advance(9999)
  await world.settled()
  assert.equal(world.ending.get(key), undefined)
  await world.clock.advance(1)
  await world.settled()
  assert.equal(world.ending.get(key), true)
  await world.clock.advance(34_999)
  await world.settled()
  assert.equal(world.ready.get(key), true)
  await world.clock.advance(1)
  await world.settled()
  assert.equal(world.ready.get(key), undefined)
})

test('a waypoint that is needed again in time serves on', async () => {
  using world = new LeavingWorld()
  await world.applied({ 'node-1': 1, [own]: 1 })
  await world.isNotNeeded()
  await world.isNeeded()
  await world.clock.advance(60_000)
  await world.settled()
  assert.deepEqual([world.ready.get(key), world.ending.get(key)], [true, undefined])
})

test('what was led through a waypoint lets it in for a while', async () => {
  using world = new LeavingWorld()
  assert.deepEqual(world.ledBefore.get(uid), [key])
  await world.isNotNeeded()
  await world.clock.advance(29_999)
  await world.settled()
  assert.deepEqual(world.ledBefore.get(uid), [key])
  await world.clock.advance(1)
  await world.settled()
  assert.equal(world.ledBefore.get(uid), undefined)
})
