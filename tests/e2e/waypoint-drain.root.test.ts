import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { HttpProtocol } from '../conformance/workload/protocol.ts'
import { answerPatienceMs, until } from '../support/waiting.ts'
import { bindingRoute, documents, WaypointLab } from '../support/waypoint-lab.ts'

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
    await until(
      () => (this.#rounds >= wanted ? true : undefined),
      () => 'requests are answered',
    )
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
        withinMs: answerPatienceMs,
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
      await until(
        () => (lab.waypointPid() === undefined ? true : undefined),
        () => 'its process ends',
      )
      await loop.rounds(1)
      lab.folder.write('till-route.yaml', bindingRoute('till'))
      await lab.settle()
    }
    await loop.rounds(1)
    const tally = await loop.stop()
    assert.deepEqual([...tally.keys()], ['200 till'], JSON.stringify([...tally]))
  })
})

/** A Gateway that asks for a waypoint; with `percent` it is a canary of `wp`. */
function gateway(name: string, percent?: number): Readonly<Record<string, unknown>> {
  const canary = {
    labels: { 'tulle.dev/canary-of': 'wp' },
    annotations: { 'tulle.dev/canary-percent': String(percent) },
  }
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace: 'shop', ...(percent === undefined ? {} : canary) },
    spec: {
      gatewayClassName: 'tulle-waypoint',
      listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }],
    },
  }
}

/** How many requests for that path the waypoint has logged. */
function logged(waypoint: string, path: string): number {
  const file = join(lab.folder.state.logs, `${waypoint}.access.log`)
  return existsSync(file) ? readFileSync(file, 'utf8').split(`"path":"${path}"`).length - 1 : 0
}

describe('a canary of a waypoint', () => {
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'tulle.dev/use-waypoint': 'wp' } },
  }

  test('takes its share of connections, judges as the other does, and leaves without a lost request', async () => {
    lab.folder.write('gateways.yaml', documents([namespace, gateway('wp'), gateway('next', 20)]))
    await lab.settle()
    const ask = async (from: string, path: string, count: number): Promise<unknown> => {
      const call = { protocol: 'http1', host: 'till', port: 80, method: 'GET', path, headers: [] } as const
      const reply = await lab
        .client(from)
        .do('calls', { ...call, body: '', withinMs: answerPatienceMs, count, connections: count })
      return reply.tally
    }
    const rounds = 10
    const each = 100
    for (let round = 0; round < rounds; round++)
      assert.deepEqual(await ask('reader', '/share', each), { '200 till': each })
    const total = rounds * each
    await until(
      () => (logged('wp', '/share') + logged('next', '/share') === total ? true : undefined),
      () => `both have logged: ${logged('wp', '/share')} and ${logged('next', '/share')} requests`,
    )
    // Five standard deviations of a thousand draws at one in five.
    const share = logged('next', '/share')
    assert.ok(Math.abs(share - total / 5) <= 64, `${share} of ${total} connections`)
    assert.deepEqual(await ask('guest', '/refused', each), { '403 mesh': each })

    const loop = new ClosedLoop('http1')
    await loop.rounds(1)
    lab.folder.write('gateways.yaml', documents([namespace, gateway('wp')]))
    await lab.settle()
    assert.deepEqual(
      (await lab.waypoints()).map(({ name }) => name),
      ['wp'],
    )
    await loop.rounds(1)
    const tally = await loop.stop()
    assert.deepEqual([...tally.keys()], ['200 till'], JSON.stringify([...tally]))
  })
})
