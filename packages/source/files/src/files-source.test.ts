import assert from 'node:assert/strict'
import { open, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { systemClock, TestClock } from '@tulle/core'
import { silentLog } from '@tulle/runtime'
import { filesSource } from './files-source.ts'
import { brokenService, services, World } from './testing/world.ts'
import type { Ports } from './testing/world.ts'

/** For what waits on notifications of the system: a missed one ends the test instead of the run. */
const timeout = 30_000

/** A stall of the machine between two steps of a save is not what a test is about. */
const patient = { missingMs: 86_400_000 }

function has(world: World, ports: Ports): () => boolean {
  return () => isDeepStrictEqual(world.ports, ports)
}

/** Until so many timers of the clock wait. */
async function timers(clock: TestClock, count: number): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- a turn of the event loop each
  while (clock.pending < count) await setImmediate()
}

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    // oxlint-disable-next-line no-await-in-loop -- as a pipe gives them
    await setImmediate()
    yield Buffer.from(text)
  }
}

test('a folder is read with its folders, without hidden and other files', { timeout }, async () => {
  await using world = await World.create({
    'a.yaml': services({ a: 1 }),
    'sub/b.yml': services({ b: 2 }),
    'sub/deep/c.json':
      '{"apiVersion":"v1","kind":"Service","metadata":{"name":"c"},"spec":{"ports":[{"port":3}]}}',
    '.hidden/d.yaml': services({ d: 4 }),
    '.e.yaml': services({ e: 5 }),
    'f.txt': services({ f: 6 }),
    'g.yaml~': services({ g: 7 }),
    '#h.yaml': services({ h: 8 }),
  })
  await world.start()
  assert.deepEqual(world.ports, { a: 1, b: 2, c: 3 })
  assert.deepEqual(world.problems, [])
  assert.equal(world.history.length, 1)
})

test('a save is followed, and is one transaction', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1, b: 1, c: 1 }) })
  await world.start({ limits: patient })
  await world.writeInPlace('a.yaml', services({ a: 2, c: 2, d: 2 }))
  await world.until(has(world, { a: 2, c: 2, d: 2 }))
  assert.deepEqual(world.history, [
    { a: 1, b: 1, c: 1 },
    { a: 2, c: 2, d: 2 },
  ])
})

test('a save as vim does it, through a backup and a new file, takes nothing away', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1 }) })
  await world.start({ limits: patient })
  await world.write('.a.yaml.swp', 'b0VIM')
  await world.write('4913', '')
  await world.unlink('4913')
  await world.rename('a.yaml', 'a.yaml~')
  await world.writeInPlace('a.yaml', services({ a: 2 }))
  await world.unlink('a.yaml~')
  await world.unlink('.a.yaml.swp')
  await world.until(has(world, { a: 2 }))
  assert.deepEqual(world.history, [{ a: 1 }, { a: 2 }])
  assert.deepEqual(world.problems, [])
})

test('a save by a rename over the file is followed', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1 }) })
  await world.start()
  await world.write('a.yaml.tmp', services({ a: 2 }))
  await world.rename('a.yaml.tmp', 'a.yaml')
  await world.until(has(world, { a: 2 }))
  // The second save is seen as well: the watch is not of the file that is gone.
  await world.write('.a.yaml.new', services({ a: 3 }))
  await world.rename('.a.yaml.new', 'a.yaml')
  await world.until(has(world, { a: 3 }))
  assert.deepEqual(world.history, [{ a: 1 }, { a: 2 }, { a: 3 }])
})

test('a file that is gone or empty for a moment keeps its objects', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1 }), 'b.yaml': services({ b: 1 }) })
  const clock = new TestClock()
  await world.start({ clock })
  await world.rename('a.yaml', 'a.old')
  await world.write('b.yaml', '')
  const early = world.files.sync()
  // The regular look, the second look, and that of sync(); notifications may add the quiet time.
  await timers(clock, 3)
  assert.deepEqual(world.ports, { a: 1, b: 1 })
  await world.rename('a.old', 'a.yaml')
  await world.write('b.yaml', services({ b: 2 }))
  await clock.advance(200)
  await early
  assert.deepEqual(world.history, [
    { a: 1, b: 1 },
    { a: 1, b: 2 },
  ])
})

test('a file that stays gone or empty gives up its objects', { timeout }, async () => {
  await using world = await World.create({
    'a.yaml': services({ a: 1 }),
    'b.yaml': services({ b: 1 }),
    'c.yaml': services({ c: 1 }),
  })
  await world.start()
  await world.unlink('a.yaml')
  await world.until(has(world, { b: 1, c: 1 }))
  await world.write('b.yaml', '# nothing\n')
  await world.until(has(world, { c: 1 }))
  assert.deepEqual(world.problems, [])
})

test('case 37: half of a text that is still being written is not read', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1, b: 1 }) })
  const clock = new TestClock()
  await world.start({ clock })
  const text = services({ a: 22, b: 22 })
  await using file = await open(world.path('a.yaml'), 'w')
  await file.write(text.slice(0, 40))
  await timers(clock, 2)
  await clock.advance(29)
  await file.write(text.slice(40))
  await file.close()
  await world.files.sync()
  assert.deepEqual(world.history, [
    { a: 1, b: 1 },
    { a: 22, b: 22 },
  ])
})

test('a rename of a file or a folder takes nothing away', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1 }), 'sub/b.yaml': services({ b: 1 }) })
  await world.start()
  await world.rename('a.yaml', 'z.yaml')
  await world.until(() => world.fileOf('a') === 'z.yaml')
  await world.rename('sub', 'other')
  await world.until(() => world.fileOf('b') === 'other/b.yaml')
  // Under its new name it is still watched.
  await world.write('other/b.yaml', services({ b: 2 }))
  await world.until(has(world, { a: 1, b: 2 }))
  assert.deepEqual(new Set(world.history.map((ports) => Object.keys(ports).join())), new Set(['a,b']))
  assert.deepEqual(world.problems, [])
})

test('a new folder is followed, and one that comes back under its name', { timeout }, async () => {
  await using world = await World.create()
  await world.start()
  await world.write('new/deep/a.yaml', services({ a: 1 }))
  await world.until(has(world, { a: 1 }))
  await world.write('new/deep/a.yaml', services({ a: 2 }))
  await world.until(has(world, { a: 2 }))
  await rm(world.path('new'), { recursive: true })
  await world.until(has(world, {}))
  await world.write('new/deep/a.yaml', services({ a: 3 }))
  await world.until(has(world, { a: 3 }))
  await world.write('new/deep/a.yaml', services({ a: 4 }))
  await world.until(has(world, { a: 4 }))
})

test('a change that no notification told of is found at the next regular look', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1 }) })
  const clock = new TestClock()
  await world.start({ clock, limits: { rescanMs: 3000, quietMs: 1e9, maxQuietMs: 1e9 } })
  await world.write('a.yaml', services({ a: 22 }))
  await clock.advance(3000)
  await world.until(has(world, { a: 22 }))
})

test(
  'a thousand files are one transaction, at first and at a change of all of them',
  { timeout },
  async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `s${i}`)
    const texts = (port: number): Record<string, string> => {
      return Object.fromEntries(names.map((name) => [`${name}.yaml`, services({ [name]: port })]))
    }
    await using world = await World.create(texts(1))
    // The clock stands still, so that nothing is read before all is written.
    await world.start({ clock: new TestClock() })
    assert.equal(Object.keys(world.ports).length, 1000)
    for (const [name, text] of Object.entries(texts(2))) {
      // oxlint-disable-next-line no-await-in-loop -- not a thousand open files
      await world.write(name, text)
    }
    await world.files.sync()
    assert.deepEqual(new Set(Object.values(world.ports)), new Set([2]))
    assert.equal(world.history.length, 2)
  },
)

test(
  'sync() answers with the revision that holds what was written and deleted before',
  { timeout },
  async () => {
    await using world = await World.create({ 'a.yaml': services({ a: 1 }), 'b.yaml': services({ b: 1 }) })
    await world.start()
    const before = world.graph.revision
    assert.equal(await world.files.sync(), before)
    await world.unlink('a.yaml')
    await world.write('b.yaml', services({ b: 2 }))
    const revision = await world.files.sync()
    assert.deepEqual(world.ports, { b: 2 })
    assert.equal(revision, world.graph.revision)
    assert.ok(revision > before)
  },
)

test('a single file is read alone, and followed through renames over it', { timeout }, async () => {
  await using world = await World.create({ 'a.conf': services({ a: 1 }), 'b.yaml': services({ b: 1 }) })
  await world.start({ path: 'a.conf' })
  assert.deepEqual(world.ports, { a: 1 })
  await world.write('a.conf.new', services({ a: 2 }))
  await world.rename('a.conf.new', 'a.conf')
  await world.until(has(world, { a: 2 }))
  await world.write('a.conf', brokenService('a'))
  await world.until(() => world.problems.length > 0)
  assert.deepEqual(world.ports, { a: 2 })
  await world.unlink('a.conf')
  await world.files.sync()
  assert.deepEqual([world.ports, world.problems], [{ a: 2 }, ['a.conf:1 FILES_UNREADABLE']])
})

test('standard input is read once, to its end', { timeout }, async () => {
  await using world = await World.create()
  const text = services({ a: 1, b: 2 })
  await world.start({ path: '-', stdin: chunks(text.slice(0, 30), text.slice(30)) })
  assert.deepEqual(world.ports, { a: 1, b: 2 })
  assert.equal(await world.files.sync(), 1)
})

test('standard input that is too large or fails is a problem', { timeout }, async () => {
  for (const [stdin, code] of [
    [chunks('x'.repeat(11)), 'FILES_TOO_LARGE'],
    [
      { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('lost')) }) },
      'FILES_UNREADABLE',
    ],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await using world = await World.create()
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.start({ path: '-', stdin, limits: { maxFileBytes: 10 } })
    assert.deepEqual(
      Array.from(world.files.problems.entries(), ([, problem]) => [problem.origin.file, problem.code]),
      [['<stdin>', code]],
    )
  }
})

test('a start that is called off does not wait for the end of standard input', { timeout }, async () => {
  await using world = await World.create()
  const ending = new AbortController()
  const endless = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
  const starting = world.start({ path: '-', stdin: endless, signal: ending.signal })
  ending.abort(new Error('called off'))
  await assert.rejects(starting, /called off/u)
  await assert.rejects(world.files.ready, /called off/u)
})

test('nothing to read is an error of the start', { timeout }, async () => {
  await using world = await World.create()
  await assert.rejects(world.start({ path: 'nowhere' }), { code: 'FILES_NOT_FOUND' })
  await assert.rejects(world.files.ready, { code: 'FILES_NOT_FOUND' })
})

test('what changes after the first look waits while the source is paused', { timeout }, async () => {
  await using paused = await World.create({ 'a.yaml': services({ a: 1 }) })
  await using other = await World.create({ 'a.yaml': services({ a: 1 }) })
  await paused.start({ isPaused: true })
  await other.start()
  await paused.write('a.yaml', services({ a: 2 }))
  const synced = paused.files.sync()
  await other.write('a.yaml', services({ a: 2 }))
  await other.until(has(other, { a: 2 }))
  await other.files.sync()
  assert.deepEqual(paused.history, [{ a: 1 }])
  paused.resume()
  await synced
  assert.deepEqual(paused.history, [{ a: 1 }, { a: 2 }])
})

test('a source that ends while it is paused waits for nothing', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1 }) })
  await world.start({ isPaused: true })
  await world.write('a.yaml', services({ a: 2 }))
  void world.files.sync()
})

test('after its end nothing is looked at and no timer is left', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1 }) })
  const clock = new TestClock()
  await world.start({ clock })
  await world.write('a.yaml', services({ a: 2 }))
  await timers(clock, 2)
  await world.files[Symbol.asyncDispose]()
  assert.equal(clock.pending, 0)
  await world.files.sync()
  assert.deepEqual(world.ports, { a: 1 })
})

test('filesSource reads the bookstore without a problem', { timeout }, async () => {
  await using world = await World.create()
  const folder = new URL('../../../../examples/bookstore', import.meta.url).pathname
  await using source = filesSource({ path: folder, graph: world.graph, clock: systemClock, log: silentLog })
  await source.start(new AbortController().signal)
  assert.deepEqual([...source.problems.entries()], [])
  assert.ok(source.api.workloads.size > 0)
})
