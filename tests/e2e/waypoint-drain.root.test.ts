import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { HttpProtocol } from '../conformance/workload/protocol.ts'
import { until } from '../support/waiting.ts'
import { bindingRoute, WaypointLab } from '../support/waypoint-lab.ts'

/** A waypoint comes and goes under load, and no request is lost. */

let lab: WaypointLab

before(async () => {
  lab = await WaypointLab.start({ 'books-rules.yaml': '' })
})
after(() => lab[Symbol.asyncDispose]())

const connections = 8
const perRound = 400

/** Requests one after another on kept connections, until it is stopped; what was answered, and by whom. */
class ClosedLoop {
  readonly #tally: Map<string, number> = new Map()
  readonly #done: Promise<void>
  #isStopped: boolean = false
  #rounds: number = 0

  constructor(protocol: HttpProtocol) {
    this.#done = this.#run(protocol)
  }

  /** Until so many rounds more have begun and ended. */
  async rounds(count: number): Promise<void> {
    const wanted = this.#rounds + count + 1
    await until(() => (this.#rounds >= wanted ? true : undefined), {
      withinMs: 60_000,
      describe: () => 'requests are answered',
    })
  }

  async stop(): Promise<ReadonlyMap<string, number>> {
    this.#isStopped = true
    await this.#done
    return this.#tally
  }

  async #run(protocol: HttpProtocol): Promise<void> {
    while (!this.#isStopped) {
      const { tally } = await lab.client('reader').do('calls', {
        protocol,
        host: 'till',
        port: 80,
        method: 'GET',
        path: '/',
        headers: [],
        body: '',
        withinMs: 10_000,
        count: perRound,
        connections,
      })
      for (const [key, count] of Object.entries(tally))
        this.#tally.set(key, (this.#tally.get(key) ?? 0) + count)
      this.#rounds++
    }
  }
}

describe('a waypoint that nothing needs any more', () => {
  test('leaves, and another one comes, without a lost request', async () => {
    const loop = new ClosedLoop('http1')
    for (let round = 0; round < 3; round++) {
      await loop.rounds(1)
      lab.folder.write('till-route.yaml', '')
      await lab.settle()
      assert.deepEqual(await lab.waypoints(), [])
      await until(() => (lab.waypointPid() === undefined ? true : undefined), {
        withinMs: 40_000,
        describe: () => 'its process ends',
      })
      await loop.rounds(1)
      lab.folder.write('till-route.yaml', bindingRoute('till'))
      await lab.settle()
    }
    await loop.rounds(1)
    const tally = await loop.stop()
    assert.deepEqual([...tally.keys()], ['200 till'], JSON.stringify([...tally]))
  })
})
