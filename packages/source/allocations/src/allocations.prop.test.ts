import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ServiceObject, WorkloadObject } from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Source } from '@tulle/collections'
import { must } from '@tulle/core'
import { parseIpRange } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import fc from 'fast-check'
import { serviceDemand, workloadDemand } from './demand.ts'
import type { Demand } from './demand.ts'
import { decodeKept } from './kept.ts'
import { service, workload, World } from './testing/world.ts'

/** Six addresses for services and five for workloads, for nine objects of each: they run out. */
const ranges = {
  serviceRange: must(parseIpRange('240.0.0.0/29')),
  workloadRange: must(parseIpRange('10.0.0.0/29')),
  workloadReserved: 2,
}
const capacity = { services: 6, workloads: 5 }
const inPool = { services: /^240\.0\.0\.[1-6]$/u, workloads: /^10\.0\.0\.[2-6]$/u }

type Objects = ReadonlyMap<string, ServiceObject | WorkloadObject>
type Addresses = ReadonlyMap<string, string>
interface Step {
  readonly put: readonly (ServiceObject | WorkloadObject)[]
  readonly remove: readonly (ServiceObject | WorkloadObject)[]
  /** The change is found when the control plane comes back. */
  readonly restart: boolean
}

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i')
const givenAddress = fc
  .tuple(fc.constantFrom('240.0.0', '10.0.0', '192.0.2'), fc.integer({ min: 0, max: 7 }))
  .map(([prefix, host]) => `${prefix}.${host}`)
const mostlyNone = fc.option(givenAddress, { freq: 3, nil: undefined })
const object = fc.oneof(
  fc
    .tuple(name, fc.option(givenAddress, { freq: 1, nil: undefined }))
    .map(([n, clusterIP]) => service(n, clusterIP === undefined ? {} : { clusterIP })),
  fc.tuple(name, mostlyNone).map(([n, address]) => workload(n, address)),
  name.map((n) => service(n)),
  name.map((n) => service(n, { clusterIP: 'None' })),
)
const step: fc.Arbitrary<Step> = fc.record({
  put: fc.array(object, { maxLength: 5 }),
  remove: fc.array(object, { maxLength: 4 }),
  restart: fc.boolean(),
})

test('allocations: no address has two owners and none changes, over any history with restarts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'allocations-'))
      try {
        await live(steps, join(folder, 'a.json'))
      } finally {
        rmSync(folder, { recursive: true })
      }
    }),
    { numRuns: 150 },
  )
})

async function live(steps: readonly Step[], file: string): Promise<void> {
  let objects: Objects = new Map()
  let before: Addresses = new Map()
  let world = new World()
  let allotted = await open(world, file)
  for (const { put, remove, restart } of steps) {
    const next = new Map(objects)
    for (const gone of remove) next.delete(objectKey(gone))
    for (const come of put) next.set(objectKey(come), come)
    objects = next
    if (restart) world = new World()
    world.graph.transaction(() => {
      world.remove(...remove)
      world.put(...(restart ? objects.values() : put))
    })
    if (restart) allotted = await open(world, file)
    const after = new Map(allotted.entries())
    checkOwners(objects, after)
    checkStable(objects, before, after)
    assert.deepEqual(world.errors, [])
    before = after
  }
}

/** Whoever hears of an address finds it in the file. */
async function open(world: World, file: string): Promise<Source<IpAddress>> {
  const allotted = await world.allocate(file, ranges)
  const check = (): void => {
    if (allotted.size === 0) return
    const kept = must(decodeKept(readFileSync(file, 'utf8')))
    assert.deepEqual(
      new Map(kept.allotted.map(({ owner, address }) => [owner, address])),
      new Map(allotted.entries()),
    )
  }
  check()
  allotted.subscribe(check)
  return allotted
}

function demandsOf(objects: Objects): ReadonlyMap<string, Demand | undefined> {
  return new Map(
    Array.from(objects, ([key, item]) => [
      key,
      item.kind === 'Service' ? serviceDemand(item) : workloadDemand(item),
    ]),
  )
}

function givenIn(objects: Objects): ReadonlySet<string> {
  const demands = [...demandsOf(objects).values()]
  return new Set(demands.flatMap((demand) => (demand?.kind === 'given' ? [demand.address] : [])))
}

function checkOwners(objects: Objects, addresses: Addresses): void {
  const demands = demandsOf(objects)
  const given = givenIn(objects)
  assert.equal(new Set(addresses.values()).size, addresses.size, 'an address has two owners')
  for (const [key, address] of addresses) {
    const demand = demands.get(key)
    assert.ok(demand?.kind === 'allot', `${key} needs no address`)
    assert.match(address, inPool[demand.pool])
    assert.ok(!given.has(address), `${address} was given by a user`)
  }
  for (const pool of ['services', 'workloads'] as const) {
    const want = [...demands].filter(([, demand]) => demand?.kind === 'allot' && demand.pool === pool)
    const reserved = [...given].filter((address) => inPool[pool].test(address))
    const have = want.filter(([key]) => addresses.has(key))
    assert.equal(have.length, Math.min(want.length, capacity[pool] - reserved.length), `${pool} that wait`)
  }
}

function checkStable(objects: Objects, before: Addresses, after: Addresses): void {
  const demands = demandsOf(objects)
  const given = givenIn(objects)
  for (const [key, address] of before) {
    if (demands.get(key)?.kind === 'allot' && !given.has(address)) assert.equal(after.get(key), address)
  }
}
