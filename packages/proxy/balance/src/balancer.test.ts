import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng, TestClock } from '@tulle/core'
import { defaultOutliers } from '@tulle/traffic'
import type { LocalityPreference, OutlierDetection } from '@tulle/traffic'
import { createBalancer } from './balancer.ts'
import type { BalancerOptions } from './balancer.ts'
import type { Balancer } from './contract.ts'
import type { EndpointLocality, EndpointSpec } from './endpoint.ts'

const picks = 20_000

interface World {
  readonly clock: TestClock
  readonly balancer: Balancer
}

function makeWorld(specs: readonly EndpointSpec[], options: BalancerOptions = {}, seed: number = 1): World {
  const clock = new TestClock()
  const balancer = createBalancer(options, { clock, rng: seededRng(seed) })
  balancer.replace(specs)
  return { clock, balancer }
}

function spec(key: string, more: Partial<EndpointSpec> = {}): EndpointSpec {
  return { key, ready: true, ...more }
}

function place(zone: string, subzone: string = '', region: string = 'eu'): EndpointLocality {
  return { region, zone, subzone }
}

/** How often each endpoint is picked while nothing else happens. */
function countPicks(balancer: Balancer, count: number = picks): Map<string, number> {
  const counts = new Map<string, number>()
  for (let index = 0; index < count; index++) {
    const key = balancer.pick()?.key ?? 'none'
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/** Within five standard deviations of what chance gives: one run in two million lies outside. */
function assertShare(found: number | undefined, share: number, of: number = picks): void {
  const band = 5 * Math.sqrt(of * share * (1 - share))
  assert.ok(
    Math.abs((found ?? 0) - of * share) <= band,
    `${found} of ${of}, expected ${share} ± ${band / of}`,
  )
}

/** One exchange that takes so long. */
async function exchange(
  world: World,
  key: string,
  tookMs: number,
  outcome: 'ok' | 'failed' = 'ok',
): Promise<void> {
  const endpoint = world.balancer.find(key)
  assert.ok(endpoint)
  const attempt = world.balancer.begin(endpoint)
  await world.clock.advance(tookMs)
  world.balancer.answered(attempt, outcome)
  world.balancer.finished(attempt)
}

test('Balancer has nothing to pick from nothing', () => {
  assert.equal(makeWorld([]).balancer.pick(), undefined)
  assert.equal(makeWorld([spec('a', { ready: false })]).balancer.pick(), undefined)
  assert.equal(makeWorld([spec('a', { weight: 0 })]).balancer.pick(), undefined)
})

test('Balancer gives endpoints that nothing is known of equal shares', () => {
  const counts = countPicks(makeWorld(['a', 'b', 'c', 'd'].map((key) => spec(key))).balancer)
  for (const key of ['a', 'b', 'c', 'd']) assertShare(counts.get(key), 1 / 4)
})

test('Balancer draws its two candidates by weight', () => {
  const { balancer } = makeWorld([
    spec('a', { weight: 6 }),
    spec('b', { weight: 3 }),
    spec('c', { weight: 1 }),
  ])
  const counts = countPicks(balancer)
  // Equal costs: the first candidate wins, and that is drawn by weight.
  assertShare(counts.get('a'), 0.6)
  assertShare(counts.get('b'), 0.3)
  assertShare(counts.get('c'), 0.1)
})

test('Balancer prefers the faster of two, and comes back to the slower as its measurement fades', async () => {
  const world = makeWorld([spec('fast'), spec('slow')])
  await exchange(world, 'slow', 100)
  await exchange(world, 'fast', 10)
  assert.equal(countPicks(world.balancer, 100).get('fast'), 100)
  // Measured every second, the fast one keeps its 10 ms; the slow one's 100 ms fade (10 s) below that within 24 s.
  for (let second = 0; second < 26; second++) {
    await world.clock.advance(990)
    await exchange(world, 'fast', 10)
  }
  assert.ok((countPicks(world.balancer, 100).get('slow') ?? 0) > 90)
})

test('Balancer picks the better of two random ones: of four, by rank, three, two, one and no sixths', async () => {
  const world = makeWorld(['a', 'b', 'c', 'd'].map((key) => spec(key)))
  await exchange(world, 'd', 400)
  await exchange(world, 'c', 300)
  await exchange(world, 'b', 200)
  await exchange(world, 'a', 100)
  const counts = countPicks(world.balancer)
  assertShare(counts.get('a'), 3 / 6)
  assertShare(counts.get('b'), 2 / 6)
  assertShare(counts.get('c'), 1 / 6)
  assert.equal(counts.get('d'), undefined)
})

test('Balancer counts what is under way: of equally fast ones, the less busy gets the next', async () => {
  const world = makeWorld([spec('a'), spec('b')])
  await exchange(world, 'a', 10)
  await exchange(world, 'b', 10)
  const a = world.balancer.find('a')
  assert.ok(a)
  const attempt = world.balancer.begin(a)
  assert.equal(countPicks(world.balancer, 100).get('b'), 100)
  world.balancer.finished(attempt)
  world.balancer.finished(attempt)
  assert.equal(a.active, 0)
})

test('Balancer tries a new endpoint with one attempt before it gets a share', async () => {
  const world = makeWorld([spec('old')])
  await exchange(world, 'old', 10)
  world.balancer.replace([spec('old'), spec('new')])
  const first = world.balancer.pick()
  assert.equal(first?.key, 'new')
  assert.ok(first)
  world.balancer.begin(first)
  assert.equal(countPicks(world.balancer, 100).get('old'), 100)
})

test('Balancer does not take an endpoint for fast because it fails at once', async () => {
  const world = makeWorld([spec('good'), spec('bad')])
  await exchange(world, 'good', 20)
  for (let round = 0; round < 10; round++) {
    await exchange(world, 'bad', 1, 'failed')
    await world.clock.advance(5000)
    await exchange(world, 'good', 20)
    assert.equal(countPicks(world.balancer, 100).get('good'), 100)
  }
})

test('Balancer takes a slow answer for the truth at once, and a fast one after slow ones little by little', async () => {
  const world = makeWorld([spec('a')])
  await exchange(world, 'a', 10)
  await exchange(world, 'a', 200)
  assert.equal(world.balancer.find('a')?.latencyMs, 200)
  await exchange(world, 'a', 10)
  const after = world.balancer.find('a')?.latencyMs ?? 0
  assert.ok(after > 199 && after < 200, `${after}`)
})

test('Balancer gives the less busy of two the next one where nothing else tells them apart', async () => {
  const world = makeWorld([spec('a'), spec('b')])
  await exchange(world, 'a', 0)
  await exchange(world, 'b', 0)
  const a = world.balancer.find('a')
  assert.ok(a)
  world.balancer.begin(a)
  assert.equal(countPicks(world.balancer, 100).get('b'), 100)
})

test('Balancer avoids who was tried already, as long as there is another', () => {
  const { balancer } = makeWorld(['a', 'b', 'c'].map((key) => spec(key)))
  const a = balancer.find('a')
  const b = balancer.find('b')
  const c = balancer.find('c')
  assert.ok(a && b && c)
  for (let round = 0; round < 200; round++) assert.equal(balancer.pick({ exclude: [a, b] })?.key, 'c')
  assert.ok(balancer.pick({ exclude: [a, b, c] }))
})

test('Balancer looks further away for one that was not tried yet', () => {
  const own = place('a')
  const { balancer } = makeWorld([spec('near', { locality: own }), spec('far', { locality: place('b') })], {
    locality: own,
  })
  const near = balancer.find('near')
  assert.ok(near)
  assert.equal(balancer.pick({ exclude: [near] })?.key, 'far')
})

test('Balancer keeps what it knows of an endpoint over a change of the set', async () => {
  const world = makeWorld([spec('a'), spec('b')])
  await exchange(world, 'a', 100)
  const a = world.balancer.find('a')
  const b = world.balancer.find('b')
  world.balancer.replace([spec('c'), spec('a', { weight: 5 })])
  assert.equal(world.balancer.find('a'), a)
  assert.equal(a?.latencyMs, 100)
  assert.equal(a?.spec.weight, 5)
  assert.equal(b?.gone, true)
  assert.equal(world.balancer.find('b'), undefined)
  assert.equal(world.balancer.size, 2)
})

test('Balancer finds an endpoint for a live session whatever its weight and readiness', () => {
  const { balancer } = makeWorld([spec('a', { weight: 0 }), spec('b', { ready: false }), spec('c')])
  assert.equal(balancer.find('a')?.key, 'a')
  assert.equal(balancer.find('b')?.key, 'b')
})

/** Own place eu/a/1. Per endpoint: key, place, ready. Expected: shares. */
const localities: readonly (readonly [
  name: string,
  endpoints: readonly (readonly [key: string, locality: EndpointLocality | undefined, ready: boolean])[],
  shares: Readonly<Record<string, number>>,
])[] = [
  [
    'the same subzone before the same zone',
    [
      ['s', place('a', '1'), true],
      ['z', place('a', '2'), true],
    ],
    { s: 1 },
  ],
  [
    'the same zone before the same region',
    [
      ['z', place('a', '2'), true],
      ['r', place('b'), true],
    ],
    { z: 1 },
  ],
  [
    'the same region before the rest',
    [
      ['r', place('b'), true],
      ['x', place('a', '1', 'us'), true],
    ],
    { r: 1 },
  ],
  [
    'a known place before an unknown one',
    [
      ['r', place('b'), true],
      ['u', undefined, true],
    ],
    { r: 1 },
  ],
  [
    'the next when the first has nobody',
    [
      ['s', place('a', '1'), false],
      ['r', place('b'), true],
    ],
    { r: 1 },
  ],
  [
    'all of it while 3 of 4 are healthy',
    [
      ['1', place('a', '1'), true],
      ['2', place('a', '1'), true],
      ['3', place('a', '1'), true],
      ['4', place('a', '1'), false],
      ['r', place('b'), true],
    ],
    { 1: 1 / 3, 2: 1 / 3, 3: 1 / 3 },
  ],
  [
    'what a half healthy tier cannot take to the next: 1.4 × 1/2 = 70 % stay',
    [
      ['1', place('a', '1'), true],
      ['2', place('a', '1'), false],
      ['r', place('b'), true],
    ],
    { 1: 0.7, r: 0.3 },
  ],
  [
    'in proportion where all together are short: 0.35 and 0.35',
    [
      ['1', place('a', '1'), true],
      ...['2', '3', '4'].map((key) => [key, place('a', '1'), false] as const),
      ['r', place('b'), true],
      ...['5', '6', '7'].map((key) => [key, place('b'), false] as const),
    ],
    { 1: 0.5, r: 0.5 },
  ],
]

for (const [name, endpoints, shares] of localities) {
  test(`Balancer gives ${name}`, () => {
    const { balancer } = makeWorld(
      endpoints.map(([key, locality, ready]) => ({
        key,
        ready,
        ...(locality === undefined ? {} : { locality }),
      })),
      { locality: place('a', '1') },
    )
    const counts = countPicks(balancer)
    for (const [key, share] of Object.entries(shares)) assertShare(counts.get(key), share)
    assert.equal(counts.size, Object.keys(shares).length)
  })
}

const eager: OutlierDetection = {
  consecutiveFailures: 1,
  minSuccessRate: 0,
  minRequests: 1,
  windowMs: 10_000,
  baseEjectionMs: 1000,
  maxEjectionMs: 10_000,
  maxEjectedPercent: 100,
}

test('Balancer uses the ejected too when less than half of the ready are left, and never who is not ready', async () => {
  const keys = ['a', 'b', 'c', 'd']
  const world = makeWorld([...keys.map((key) => spec(key)), spec('unready', { ready: false })], {
    outliers: eager,
  })
  await exchange(world, 'a', 1, 'failed')
  await exchange(world, 'b', 1, 'failed')
  assert.deepEqual([...countPicks(world.balancer).keys()].toSorted(), ['c', 'd'])
  await exchange(world, 'c', 1, 'failed')
  const keysInPanic = [...countPicks(world.balancer).keys()].toSorted()
  assert.ok(keysInPanic.length > 1, `only ${keysInPanic.join()}`)
  assert.ok(!keysInPanic.includes('unready'))
})

test('Balancer ignores what belongs to another balancer', () => {
  const { balancer } = makeWorld([spec('a')])
  const foreign = { key: 'x', spec: spec('x'), active: 0, ejected: false, gone: false, latencyMs: undefined }
  assert.throws(() => balancer.begin(foreign), /expected an endpoint of this balancer/u)
  assert.throws(
    () => balancer.finished({ endpoint: foreign }),
    /expected an attempt that this balancer began/u,
  )
})

/** One endpoint as far as each tier is, and one of which nobody knows; own place eu/a/1. */
const everywhere = [
  spec('s', { locality: place('a', '1') }),
  spec('z', { locality: place('a', '2') }),
  spec('r', { locality: place('b') }),
  spec('x', { locality: place('a', '1', 'us') }),
  spec('u'),
]

/** Per preference: which are picked, from the first on as the ones before are no longer ready. */
const preferences: readonly (readonly [LocalityPreference, readonly string[]])[] = [
  [{ prefer: 'subzone', failover: 'anywhere' }, ['s', 'z', 'r', 'ux']],
  [{ prefer: 'zone', failover: 'anywhere' }, ['sz', 'r', 'ux']],
  [{ prefer: 'region', failover: 'anywhere' }, ['rsz', 'ux']],
  [{ prefer: 'anywhere', failover: 'anywhere' }, ['rsuxz']],
  [{ prefer: 'subzone', failover: 'zone' }, ['s', 'z', '']],
  [{ prefer: 'zone', failover: 'region' }, ['sz', 'r', '']],
  [{ prefer: 'zone', failover: 'zone' }, ['sz', '']],
]

for (const [preference, expected] of preferences) {
  const { prefer, failover } = preference
  test(`Balancer that prefers ${prefer} and fails over to ${failover} picks ${expected.join(', then ')}`, () => {
    const { balancer } = makeWorld(everywhere, { locality: place('a', '1'), preference })
    const down = new Set<string>()
    for (const keys of expected) {
      balancer.replace(everywhere.map((one) => ({ ...one, ready: !down.has(one.key) })))
      const picked = [...countPicks(balancer, 500).keys()].filter((key) => key !== 'none').toSorted()
      assert.equal(picked.join(''), keys)
      for (const key of keys) down.add(key)
    }
  })
}

test('Balancer goes nowhere beyond the failover for another endpoint either', () => {
  const preference = { prefer: 'zone', failover: 'zone' } as const
  const { balancer } = makeWorld(everywhere, { locality: place('a', '1'), preference })
  const near = ['s', 'z'].flatMap((key) => balancer.find(key) ?? [])
  for (let i = 0; i < 100; i++) assert.match(balancer.pick({ exclude: near })?.key ?? 'none', /^[sz]$/u)
})

test('Balancer counts only those that it may pick when it wonders whose fault ejections are', async () => {
  const outliers = { ...defaultOutliers, consecutiveFailures: 1, maxEjectedPercent: 100 }
  const far = Array.from({ length: 8 }, (_, i) => spec(`far${i}`, { locality: place('b') }))
  const near = ['1', '2', '3'].map((key) => spec(key, { locality: place('a') }))
  const preference = { prefer: 'zone', failover: 'zone' } as const
  const world = makeWorld([...near, ...far], { outliers, locality: place('a'), preference })
  await exchange(world, '1', 1, 'failed')
  assert.deepEqual([...countPicks(world.balancer, 500).keys()].toSorted(), ['2', '3'])
  await exchange(world, '2', 1, 'failed')
  // One of three is left: they are all asked again, those that failed too.
  assert.ok(countPicks(world.balancer, 500).size > 1)
})

test('Balancer that does not know its own place has no preference', () => {
  const { balancer } = makeWorld(everywhere, { preference: { prefer: 'zone', failover: 'zone' } })
  assert.equal(countPicks(balancer, 500).size, everywhere.length)
})
