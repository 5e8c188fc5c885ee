import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'

import type { Http1Client } from './client.ts'
import type { ConnectEvents, Http1PoolLimits, PoolFailure, PoolWaiter } from './pool.ts'
import { Http1Pool } from './pool.ts'
import { feed, Recorder, RecordingTransport, requestHead } from './test-support.ts'
import type { Http1Connection } from './exchange.ts'

interface Connect {
  readonly events: ConnectEvents
  givenUp: boolean
}

/** A pool whose connects the test ends by hand. */
class PoolBench {
  readonly clock: TestClock = new TestClock()
  readonly connects: Connect[] = []
  readonly told: string[] = []
  readonly clients: Http1Client[] = []
  readonly transports: Map<Http1Connection, RecordingTransport> = new Map()
  readonly pool: Http1Pool

  constructor(limits: Partial<Http1PoolLimits> = {}) {
    this.pool = new Http1Pool({
      clock: this.clock,
      limits,
      connect: (events) => {
        const connect = { events, givenUp: false }
        this.connects.push(connect)
        return { [Symbol.dispose]: () => void (connect.givenUp = true) }
      },
    })
  }

  acquire(name: string): Disposable {
    const waiter: PoolWaiter = {
      onReady: (client) => {
        this.told.push(`${name} ready`)
        this.clients.push(client)
        client.request(requestHead(), new Recorder(), true)
      },
      onFailed: (failure: PoolFailure, error) => {
        this.told.push(`${name} ${failure}${error === undefined ? '' : ` ${error.message}`}`)
      },
    }
    return this.pool.acquire(waiter)
  }

  connected(): Http1Connection {
    const transport = new RecordingTransport()
    const connect = this.connects.shift()
    if (connect === undefined) throw new Error('nobody connects')
    const connection = connect.events.onConnected(transport)
    this.transports.set(connection, transport)
    return connection
  }

  failed(message: string): void {
    this.connects.shift()?.events.onFailed(new Error(message))
  }

  answered(connection: Http1Connection | undefined): void {
    if (connection === undefined) throw new Error('no connection')
    feed(connection, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', Infinity)
  }

  take(): string[] {
    return this.told.splice(0)
  }
}

test('a pool connects for a request, and keeps the connection for the next', () => {
  const bench = new PoolBench()
  bench.acquire('a')
  deepEqual(bench.take(), [])
  const connection = bench.connected()
  deepEqual(bench.take(), ['a ready'])
  bench.answered(connection)
  deepEqual(bench.pool.counters, { open: 1, idle: 1, connecting: 0, pending: 0 })
  bench.acquire('b')
  deepEqual([bench.take(), bench.connects.length], [['b ready'], 0])
  bench.acquire('c')
  equal(bench.connects.length, 1, 'one request at a time')
})

test('the connection used last is used first', () => {
  const bench = new PoolBench()
  bench.acquire('a')
  bench.acquire('b')
  const [first, second] = [bench.connected(), bench.connected()]
  bench.answered(second)
  bench.answered(first)
  bench.acquire('c')
  equal(bench.clients.at(-1), first)
})

test('requests beyond the connections wait, in order; beyond that they are refused', () => {
  const bench = new PoolBench({ maxConnections: 1, maxPending: 2 })
  bench.acquire('a')
  bench.acquire('b')
  bench.acquire('c')
  deepEqual([bench.take(), bench.connects.length], [['c full'], 1])
  const connection = bench.connected()
  bench.acquire('d')
  bench.answered(connection)
  bench.answered(connection)
  deepEqual(bench.take(), ['a ready', 'b ready', 'd ready'])
})

test('a connect that fails is told to the request that waits longest; the others connect again', () => {
  const bench = new PoolBench({ maxConnections: 1 })
  bench.acquire('a')
  bench.acquire('b')
  bench.failed('refused')
  deepEqual([bench.take(), bench.connects.length], [['a connect refused'], 1])
  bench.connected()
  deepEqual(bench.take(), ['b ready'])
})

test('a request waits so long', async () => {
  const bench = new PoolBench({ pendingTimeoutMs: 100 })
  bench.acquire('a')
  await bench.clock.advance(60)
  bench.acquire('b')
  await bench.clock.advance(40)
  deepEqual(bench.take(), ['a timeout'])
  await bench.clock.advance(60)
  deepEqual([bench.take(), bench.pool.counters.pending], [['b timeout'], 0])
})

test('a request that is no longer wanted leaves its connection to others', () => {
  const bench = new PoolBench()
  const wait = bench.acquire('a')
  wait[Symbol.dispose]()
  wait[Symbol.dispose]()
  const connection = bench.connected()
  deepEqual([bench.take(), bench.pool.counters.idle], [[], 1])
  bench.acquire('b')
  equal(bench.clients[0], connection)
})

test('connections that idle for their time are closed, the others kept', async () => {
  const bench = new PoolBench({ idleTimeoutMs: 1000 })
  bench.acquire('a')
  bench.acquire('b')
  const [first, second] = [bench.connected(), bench.connected()]
  bench.answered(first)
  await bench.clock.advance(600)
  bench.answered(second)
  await bench.clock.advance(400)
  deepEqual([bench.transports.get(first)?.destroyed, bench.transports.get(second)?.destroyed], [true, false])
  deepEqual(bench.pool.counters, { open: 1, idle: 1, connecting: 0, pending: 0 })
  await bench.clock.advance(600)
  equal(bench.pool.counters.open, 0)
  await bench.clock.advance(5000)
  equal(bench.clock.pending, 0)
})

test('a connection takes so many requests, and none when it is so old', async () => {
  const few = new PoolBench({ maxRequests: 1 })
  few.acquire('a')
  few.answered(few.connected())
  equal(few.pool.counters.open, 0)
  const old = new PoolBench({ maxAgeMs: 1000 })
  old.acquire('a')
  old.answered(old.connected())
  await old.clock.advance(1000)
  old.acquire('b')
  deepEqual([old.take(), old.pool.counters.open, old.connects.length], [['a ready'], 0, 1])
})

test('a pool keeps so many idle connections', () => {
  const bench = new PoolBench({ maxIdle: 1 })
  bench.acquire('a')
  bench.acquire('b')
  for (const connection of [bench.connected(), bench.connected()]) bench.answered(connection)
  deepEqual(bench.pool.counters, { open: 1, idle: 1, connecting: 0, pending: 0 })
})

test('a connection that ends while idle is not used, and makes room', () => {
  const bench = new PoolBench({ maxConnections: 1 })
  bench.acquire('a')
  const connection = bench.connected()
  bench.answered(connection)
  connection.onTransportEnd()
  equal(bench.pool.counters.open, 0)
  bench.acquire('b')
  equal(bench.connects.length, 1)
})

test('a pool that drains refuses what waits, and lets what is in progress end', () => {
  const bench = new PoolBench()
  bench.acquire('a')
  const busy = bench.connected()
  bench.acquire('b')
  bench.pool.drain()
  deepEqual(bench.take(), ['a ready', 'b closed'])
  deepEqual([bench.connects[0]?.givenUp, bench.transports.get(busy)?.destroyed], [true, false])
  bench.answered(busy)
  deepEqual([bench.transports.get(busy)?.destroyed, bench.clock.pending], [true, 0])
  bench.acquire('c')
  deepEqual(bench.take(), ['c closed'])
})

test('a pool that is destroyed breaks off what is in progress', () => {
  const bench = new PoolBench()
  bench.acquire('a')
  const busy = bench.connected()
  bench.pool.destroy()
  deepEqual([bench.transports.get(busy)?.destroyed, bench.pool.counters.open], [true, 0])
})
