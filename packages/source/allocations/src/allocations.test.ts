import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { must } from '@tulle/core'
import { parseIpRange } from '@tulle/mesh'
import { service, workload, World } from './testing/world.ts'

const books = '/Service/ns/books'
const books1 = 'tulle.dev/Workload/ns/books-1'
/** Two addresses: .1 and .2. */
const tiny = { serviceRange: must(parseIpRange('240.0.0.0/30')) }

function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'allocations-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('allocations: what is there has an address once the promise resolves, what comes later at once', async (t) => {
  const world = new World()
  world.put(service('books'))
  const allotted = await world.allocate(join(tempFolder(t), 'a.json'))
  assert.equal(allotted.get(books), '240.240.0.1')
  world.put(workload('books-1'))
  assert.equal(allotted.get(books1), '10.77.1.0')
})

test('allocations: headless services and objects with an address of their own get none', async (t) => {
  const world = new World()
  world.put(
    service('a', { clusterIP: 'None' }),
    service('b', { clusterIP: '10.0.0.1' }),
    workload('c', '::1'),
  )
  world.put(service('d', { clusterIP: 'what' }), service('e', { clusterIP: '' }))
  const allotted = await world.allocate(join(tempFolder(t), 'a.json'))
  assert.deepEqual([...allotted.entries()], [['/Service/ns/e', '240.240.0.1']])
})

test('allocations: a file that is new is private and leaves no draft behind', async (t) => {
  const folder = tempFolder(t)
  const world = new World()
  world.put(service('books'))
  writeFileSync(join(folder, 'a.json.new'), 'half a draft', { mode: 0o644 })
  await world.allocate(join(folder, 'a.json'))
  assert.equal(statSync(join(folder, 'a.json')).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(folder), ['a.json'])
})

test('allocations: an address is in the file before anybody sees it', async (t) => {
  const file = join(tempFolder(t), 'a.json')
  const world = new World()
  const allotted = await world.allocate(file)
  let inFile: boolean | undefined
  allotted.subscribe(([change]) => {
    inFile = readFileSync(file, 'utf8').includes(`"${change?.after}"`)
  })
  world.put(service('books'))
  assert.equal(inFile, true)
})

test('allocations: addresses come back after a restart, whatever else there is by then', async (t) => {
  const file = join(tempFolder(t), 'a.json')
  const first = new World()
  first.put(service('books'), workload('books-1'))
  await first.allocate(file)
  const second = new World()
  second.put(service('aaa'), service('books'), workload('aaa'), workload('books-1'))
  const allotted = await second.allocate(file)
  assert.equal(allotted.get(books), '240.240.0.1')
  assert.equal(allotted.get(books1), '10.77.1.0')
  assert.equal(allotted.get('/Service/ns/aaa'), '240.240.0.2')
})

test('allocations: other ranges move nobody who has an address', async (t) => {
  const file = join(tempFolder(t), 'a.json')
  const first = new World()
  first.put(service('books'))
  await first.allocate(file)
  const second = new World()
  second.put(service('aaa'), service('books'))
  const allotted = await second.allocate(file, tiny)
  assert.equal(allotted.get(books), '240.240.0.1')
  assert.equal(allotted.get('/Service/ns/aaa'), '240.0.0.1')
})

test('allocations: who comes back has the former address, over a restart too', async (t) => {
  const file = join(tempFolder(t), 'a.json')
  const first = new World()
  first.put(service('aaa'), service('books'))
  const before = await first.allocate(file)
  first.remove(service('books'))
  assert.equal(before.get(books), undefined)
  first.put(service('ccc'))
  assert.equal(before.get('/Service/ns/ccc'), '240.240.0.3')
  const second = new World()
  const after = await second.allocate(file)
  second.put(service('books'))
  assert.equal(after.get(books), '240.240.0.2')
})

test('allocations: released addresses are taken last, the longest released first', async (t) => {
  const world = new World()
  world.put(service('a'), service('b'))
  const allotted = await world.allocate(join(tempFolder(t), 'a.json'), tiny)
  world.remove(service('b'))
  world.remove(service('a'))
  world.put(service('c'))
  assert.equal(allotted.get('/Service/ns/c'), '240.0.0.2')
})

test('allocations: who comes back chooses before newcomers', async (t) => {
  const world = new World()
  world.put(service('x'), service('y'))
  const allotted = await world.allocate(join(tempFolder(t), 'a.json'), tiny)
  world.remove(service('x'), service('y'))
  world.put(service('a'), service('x'))
  assert.equal(allotted.get('/Service/ns/x'), '240.0.0.1')
  assert.equal(allotted.get('/Service/ns/a'), '240.0.0.2')
})

test('allocations: an exhausted range is one warning, and who waits gets what becomes free', async (t) => {
  const world = new World()
  world.put(service('a'), service('b'), service('c'), service('d'))
  const allotted = await world.allocate(join(tempFolder(t), 'a.json'), tiny)
  world.put(service('e'))
  assert.deepEqual(
    [...allotted.entries()].map(([key]) => key),
    ['/Service/ns/a', '/Service/ns/b'],
  )
  assert.deepEqual(
    world.warnings.map(({ fields }) => fields),
    [{ range: 'services' }],
  )
  world.remove(service('a'))
  assert.equal(allotted.get('/Service/ns/c'), '240.0.0.1')
  assert.equal(world.warnings.length, 1)
})

test('allocations: an address that a user gives is not allotted, and moves who has it', async (t) => {
  const world = new World()
  world.put(service('a'), service('given', { clusterIP: '240.240.0.1' }))
  const allotted = await world.allocate(join(tempFolder(t), 'a.json'))
  assert.equal(allotted.get('/Service/ns/a'), '240.240.0.2')
  assert.deepEqual(world.warnings, [])
  world.put(workload('given', '240.240.0.2'))
  assert.equal(allotted.get('/Service/ns/a'), '240.240.0.3')
  assert.deepEqual(
    world.warnings.map(({ fields }) => fields),
    [{ address: '240.240.0.2', owner: '/Service/ns/a', givenTo: 'tulle.dev/Workload/ns/given' }],
  )
})

test('allocations: what is given and what is allotted in one transaction do not collide', async (t) => {
  const world = new World()
  const allotted = await world.allocate(join(tempFolder(t), 'a.json'))
  world.put(service('a'), workload('given', '240.240.0.1'))
  assert.equal(allotted.get('/Service/ns/a'), '240.240.0.2')
  assert.deepEqual(world.warnings, [])
})

test('allocations: an address written down by its owner, and struck again, stays the same', async (t) => {
  const world = new World()
  world.put(service('books'))
  const allotted = await world.allocate(join(tempFolder(t), 'a.json'))
  world.put(service('books', { clusterIP: '240.240.0.1' }))
  assert.equal(allotted.get(books), undefined)
  world.put(service('books'))
  assert.equal(allotted.get(books), '240.240.0.1')
  assert.deepEqual(world.warnings, [])
})

const damaged: Readonly<Record<string, string>> = {
  'no JSON': '{"version":1,',
  'another version': '{"version":2,"allotted":[],"released":[]}',
  'no list': '{"version":1,"allotted":{},"released":[]}',
  'no address': '{"version":1,"allotted":[{"owner":"a","address":"1.2.3"}],"released":[]}',
  'an IPv6 address': '{"version":1,"allotted":[{"owner":"a","address":"::1"}],"released":[]}',
  'two owners':
    '{"version":1,"allotted":[{"owner":"a","address":"1.2.3.4"}],"released":[{"owner":"b","address":"1.2.3.4"}]}',
  'two addresses':
    '{"version":1,"allotted":[{"owner":"a","address":"1.2.3.4"},{"owner":"a","address":"1.2.3.5"}],"released":[]}',
}
for (const [what, text] of Object.entries(damaged)) {
  test(`allocations: a damaged file (${what}) is put aside with a warning`, async (t) => {
    const folder = tempFolder(t)
    const file = join(folder, 'a.json')
    writeFileSync(file, text)
    writeFileSync(`${file}.damaged-1`, 'from before')
    const world = new World()
    world.put(service('books'))
    const allotted = await world.allocate(file)
    assert.equal(allotted.get(books), '240.240.0.1')
    assert.equal(world.warnings[0]?.fields?.['aside'], `${file}.damaged-2`)
    assert.equal(readFileSync(`${file}.damaged-2`, 'utf8'), text)
    assert.equal(readFileSync(`${file}.damaged-1`, 'utf8'), 'from before')
  })
}

test('allocations: an address that cannot be kept is not published until it can', async (t) => {
  const folder = join(tempFolder(t), 'state')
  const world = new World()
  const moved = `${folder}-moved`
  mkdirSync(folder)
  const allotted = await world.allocate(join(folder, 'a.json'))
  renameSync(folder, moved)
  world.put(service('books'))
  world.put(service('more'))
  assert.equal(allotted.size, 0)
  assert.equal(world.errors.length, 1)
  renameSync(moved, folder)
  world.put(service('unrelated', { clusterIP: 'None' }))
  assert.equal(allotted.get(books), '240.240.0.1')
  assert.equal(allotted.get('/Service/ns/more'), '240.240.0.2')
})

test('allocations: rejects where the file or the ranges are of no use', async (t) => {
  const folder = tempFolder(t)
  const file = join(folder, 'a.json')
  const range = (text: string) => must(parseIpRange(text))
  await assert.rejects(new World().allocate(folder), { code: 'ALLOCATIONS_UNREADABLE' })
  const unwritable = new World()
  unwritable.put(service('books'))
  await assert.rejects(unwritable.allocate(join(folder, 'none', 'a.json')), {
    code: 'ALLOCATIONS_UNWRITABLE',
  })
  for (const serviceRange of [range('fd00::/64'), range('10.0.0.0/31'), range('10.0.0.0/8')]) {
    await assert.rejects(new World().allocate(file, { serviceRange }), { code: 'ALLOCATIONS_RANGE' })
  }
})

test('allocations: what is derived gets an address too, and keeps it over a restart', async (t) => {
  const file = join(tempFolder(t), 'a.json')
  const ownerOf = (key: string): string => `tulle.dev/Waypoint/${key}`
  const first = new World()
  const waypoints = first.graph.source<true>('waypoints')
  const allotted = await first.allotted(file)
  first.graph.transaction(() => waypoints.set('ns/a', true))
  allotted.alsoFor(waypoints, ownerOf)
  first.graph.transaction(() => waypoints.set('ns/b', true))
  first.put(workload('other'))
  assert.deepEqual(
    Array.from(allotted.addresses.entries(), ([, address]) => address),
    ['10.77.1.0', '10.77.1.1', '10.77.1.2'],
  )

  const second = new World()
  const fewer = second.graph.source<true>('waypoints')
  second.put(workload('earlier'))
  const again = await second.allotted(file)
  assert.equal(again.addresses.get(ownerOf('ns/b')), '10.77.1.1', 'kept before anything is derived')
  second.graph.transaction(() => fewer.set('ns/b', true))
  again.alsoFor(fewer, ownerOf)
  assert.equal(again.addresses.get(ownerOf('ns/b')), '10.77.1.1')
  assert.equal(again.addresses.get(ownerOf('ns/a')), undefined, 'nothing needs it any more')
  second.graph.transaction(() => fewer.delete('ns/b'))
  assert.equal(again.addresses.get(ownerOf('ns/b')), undefined)
})
