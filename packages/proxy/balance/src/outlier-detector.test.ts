import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng, TestClock } from '@tulle/core'
import type { OutlierDetection } from '@tulle/traffic'
import fc from 'fast-check'
import { createBalancer } from './balancer.ts'
import type { Balancer } from './contract.ts'
import type { Outcome } from './endpoint.ts'
import type { HealthEvent } from './outlier-detector.ts'

const config: OutlierDetection = {
  consecutiveFailures: 3,
  minSuccessRate: 0.8,
  minRequests: 10,
  windowMs: 10_000,
  baseEjectionMs: 1000,
  maxEjectionMs: 5000,
  maxEjectedPercent: 50,
}

class World {
  readonly clock: TestClock = new TestClock()
  readonly events: HealthEvent[] = []
  readonly balancer: Balancer

  constructor(keys: readonly string[], outliers: OutlierDetection = config) {
    const onHealth = (event: HealthEvent): void => void this.events.push(event)
    this.balancer = createBalancer({ outliers, onHealth }, { clock: this.clock, rng: seededRng(7) })
    this.setKeys(keys)
  }

  setKeys(keys: readonly string[]): void {
    this.balancer.replace(keys.map((key) => ({ key, ready: true })))
  }

  answer(key: string, ...outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      const endpoint = this.balancer.find(key)
      assert.ok(endpoint)
      const attempt = this.balancer.begin(endpoint)
      this.balancer.answered(attempt, outcome)
      this.balancer.finished(attempt)
    }
  }

  ejected(): readonly string[] {
    return [...this.balancer.endpoints].filter(({ ejected }) => ejected).map(({ key }) => key)
  }

  /** Who is picked, over many picks. */
  picked(): readonly string[] {
    const found = new Set(Array.from({ length: 300 }, () => this.balancer.pick()?.key ?? 'none'))
    return [...found].toSorted()
  }
}

test('OutlierDetector ejects after so many failures in a row, not after as many with a good answer between', () => {
  const world = new World(['a', 'b', 'c', 'd'])
  world.answer('a', 'failed', 'failed', 'ok', 'failed', 'failed', 'unknown')
  assert.deepEqual(world.ejected(), [])
  world.answer('a', 'failed')
  assert.deepEqual(world.ejected(), ['a'])
  assert.deepEqual(world.events, [{ kind: 'ejected', key: 'a', cause: 'consecutive failures', forMs: 1000 }])
  assert.deepEqual(world.picked(), ['b', 'c', 'd'])
})

test('OutlierDetector ejects who gave too few good answers, at the end of the window, and only with enough requests', async () => {
  const world = new World(['a', 'b', 'c', 'd'])
  for (let round = 0; round < 4; round++) world.answer('a', 'ok', 'failed', 'failed')
  for (let round = 0; round < 3; round++) world.answer('b', 'ok', 'failed', 'failed')
  for (let round = 0; round < 12; round++) world.answer('c', 'ok')
  assert.deepEqual(world.ejected(), [])
  await world.clock.advance(10_000)
  world.answer('d', 'ok')
  assert.deepEqual(world.ejected(), ['a'])
  assert.deepEqual(world.events, [{ kind: 'ejected', key: 'a', cause: 'success rate', forMs: 1000 }])
})

test('OutlierDetector counts each window from its own beginning', async () => {
  const world = new World(['a', 'b'])
  world.answer('a', 'failed', 'failed', 'ok', 'failed', 'failed', 'ok', 'failed')
  await world.clock.advance(10_000)
  world.answer('a', ...Array.from({ length: 20 }, (): Outcome => 'ok'))
  await world.clock.advance(10_000)
  world.answer('b', 'ok')
  assert.deepEqual(world.ejected(), [])
})

test('OutlierDetector lets an endpoint back by one attempt at a time, and takes three good answers', async () => {
  const world = new World(['a', 'b', 'c'])
  world.answer('a', 'failed', 'failed', 'failed')
  await world.clock.advance(999)
  assert.deepEqual(world.picked(), ['b', 'c'])
  await world.clock.advance(1)
  for (let passed = 0; passed < 3; passed++) {
    const probed = world.balancer.pick()
    assert.equal(probed?.key, 'a')
    assert.ok(probed)
    const attempt = world.balancer.begin(probed)
    assert.deepEqual(world.picked(), ['b', 'c'], 'while a probe is under way')
    assert.deepEqual(world.ejected(), ['a'])
    world.balancer.answered(attempt, 'ok')
    world.balancer.finished(attempt)
  }
  assert.deepEqual(world.ejected(), [])
  assert.deepEqual(
    world.events.map(({ kind }) => kind),
    ['ejected', 'probing', 'returned'],
  )
})

test('OutlierDetector ejects for twice as long each time, up to the limit, and forgives with windows without a failure', async () => {
  const world = new World(['a', 'b', 'c'])
  world.answer('a', 'failed', 'failed', 'failed')
  for (const waitMs of [1000, 2000, 4000, 5000]) {
    await world.clock.advance(waitMs)
    assert.equal(world.balancer.pick()?.key, 'a')
    world.answer('a', 'failed')
  }
  const times = world.events.flatMap((event) => (event.kind === 'ejected' ? [event.forMs] : []))
  assert.deepEqual(times, [1000, 2000, 4000, 5000, 5000])
  await world.clock.advance(5000)
  world.balancer.pick()
  world.answer('a', 'ok', 'ok', 'ok')
  for (let window = 0; window < 5; window++) {
    await world.clock.advance(10_000)
    world.answer('a', 'ok')
  }
  world.events.length = 0
  world.answer('a', 'failed', 'failed', 'failed')
  assert.deepEqual(world.events, [{ kind: 'ejected', key: 'a', cause: 'consecutive failures', forMs: 1000 }])
})

test('OutlierDetector does not keep a probe waiting for one that said nothing', async () => {
  const world = new World(['a', 'b', 'c'])
  world.answer('a', 'failed', 'failed', 'failed')
  await world.clock.advance(1000)
  assert.equal(world.balancer.pick()?.key, 'a')
  world.answer('a', 'unknown')
  assert.equal(world.balancer.pick()?.key, 'a')
})

test('OutlierDetector takes an answer to what began before the ejection for no probe', async () => {
  const world = new World(['a', 'b', 'c'])
  const endpoint = world.balancer.find('a')
  assert.ok(endpoint)
  const early = Array.from({ length: 4 }, () => world.balancer.begin(endpoint))
  world.answer('a', 'failed', 'failed', 'failed')
  await world.clock.advance(1000)
  assert.equal(world.balancer.pick()?.key, 'a')
  for (const attempt of early.slice(1)) world.balancer.answered(attempt, 'ok')
  assert.deepEqual(world.ejected(), ['a'], 'not back by old answers')
  for (const attempt of early.slice(0, 1)) world.balancer.answered(attempt, 'failed')
  assert.equal(world.balancer.pick()?.key, 'a', 'not out for longer by old failures')
})

test('OutlierDetector returns the ejected that a smaller set may not have', () => {
  const world = new World(['a', 'b', 'c', 'd'])
  world.answer('a', 'failed', 'failed', 'failed')
  world.answer('b', 'failed', 'failed', 'failed')
  world.answer('c', 'failed', 'failed', 'failed')
  assert.deepEqual(world.ejected(), ['a', 'b'])
  world.setKeys(['a', 'b', 'c'])
  assert.equal(world.ejected().length, 1)
  world.setKeys(['c'])
  assert.deepEqual(world.ejected(), [])
})

const keys = ['a', 'b', 'c', 'd', 'e', 'f']
const steps = fc.oneof(
  fc.record({ kind: fc.constant('answer' as const), key: fc.constantFrom(...keys), ok: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 1000, 5000, 20_000) }),
  fc.record({ kind: fc.constant('set' as const), keys: fc.subarray(keys, { minLength: 1 }) }),
  fc.record({ kind: fc.constant('pick' as const) }),
)

test('OutlierDetector never has more out than the percentage, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { maxLength: 60 }),
      fc.integer({ min: 0, max: 100 }),
      async (history, maxEjectedPercent) => {
        const world = new World(keys, {
          ...config,
          consecutiveFailures: 1,
          minRequests: 2,
          maxEjectedPercent,
        })
        for (const step of history) {
          if (step.kind === 'wait') await world.clock.advance(step.ms)
          else if (step.kind === 'set') world.setKeys(step.keys)
          else if (step.kind === 'pick') assert.ok(world.balancer.pick())
          else if (world.balancer.find(step.key)) world.answer(step.key, step.ok ? 'ok' : 'failed')
          assert.ok(world.ejected().length <= (world.balancer.size * maxEjectedPercent) / 100)
        }
      },
    ),
    { numRuns: 300 },
  )
})
