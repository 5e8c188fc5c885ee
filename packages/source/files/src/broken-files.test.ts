import assert from 'node:assert/strict'
import { appendFile, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { brokenService, brokenSyntax, services, World } from './testing/world.ts'

const timeout = 30_000
const broken = brokenService('a')

/** Saves that follow each other at once: each is looked at. */
async function save(world: World, name: string, ...documents: readonly string[]): Promise<void> {
  await world.write(name, documents.join('---\n'))
  await world.files.sync()
}

test('a broken document keeps its last good object until it is mended', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1, b: 1 }) })
  await world.start()
  for (const text of [broken, broken, brokenSyntax]) {
    // oxlint-disable-next-line no-await-in-loop -- one save after the other
    await save(world, 'a.yaml', text, services({ b: 2 }))
    assert.deepEqual(world.ports, { a: 1, b: 2 })
    assert.equal(world.problems.length, 1)
    assert.match(world.messages.join(), /; the last good version of Service default\/a stays in force$/u)
  }
  await save(world, 'a.yaml', services({ a: 3, b: 2 }))
  assert.deepEqual([world.ports, world.problems], [{ a: 3, b: 2 }, []])
})

test(
  'a document that was never good is a problem and takes nothing from the others',
  { timeout },
  async () => {
    await using world = await World.create({
      'a.yaml': `${broken}---\n${services({ b: 1 })}`,
      'c.yaml': services({ c: 1 }),
    })
    await world.start()
    assert.deepEqual(world.ports, { b: 1, c: 1 })
    assert.deepEqual(world.problems, ['a.yaml:4 API_BAD_VALUE'])
    assert.doesNotMatch(world.messages.join(), /in force/u)
    await save(world, 'a.yaml', services({ a: 1, b: 1 }))
    assert.deepEqual([world.ports, world.problems], [{ a: 1, b: 1, c: 1 }, []])
  },
)

test('a broken document is found by its name wherever it was moved', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1, b: 1 }) })
  await world.start()
  await save(world, 'a.yaml', services({ new: 1, b: 2 }), broken)
  assert.deepEqual(world.ports, { a: 1, b: 2, new: 1 })
  // Without a name it stands for what is missing behind its neighbour.
  await save(world, 'a.yaml', services({ b: 3 }), brokenSyntax)
  assert.deepEqual(world.ports, { a: 1, b: 3 })
})

test('a document whose kind or name is mistyped keeps its object', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1, b: 1 }) })
  await world.start()
  const [good, rest] = [services({ a: 2 }), services({ b: 2 })]
  for (const mistyped of [
    good.replace('Service', 'Servce'),
    good.replace('v1', 'v2'),
    good.replace('name: a', 'name: A!'),
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- one save after the other
    await save(world, 'a.yaml', mistyped, rest)
    assert.deepEqual(world.ports, { a: 1, b: 2 })
    assert.match(world.messages.join(), /; the last good version of Service default\/a stays in force/u)
  }
  await save(world, 'a.yaml', brokenService('other'), rest)
  assert.deepEqual(world.ports, { b: 2 })
})

test('a document that is removed is deleted, also beside a broken one', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1, b: 1, c: 1 }) })
  await world.start()
  await save(world, 'a.yaml', broken, services({ c: 1 }))
  assert.deepEqual(world.ports, { a: 1, c: 1 })
  await save(world, 'a.yaml', services({ c: 1 }))
  assert.deepEqual(world.ports, { c: 1 })
})

test('a broken document keeps its object through a rename of its file', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1 }) })
  await world.start()
  await save(world, 'a.yaml', broken)
  await world.rename('a.yaml', 'z.yaml')
  await world.files.sync()
  assert.deepEqual([world.ports, world.problems], [{ a: 1 }, ['z.yaml:4 API_BAD_VALUE']])
  await world.unlink('z.yaml')
  await world.files.sync()
  assert.deepEqual([world.ports, world.problems], [{}, []])
})

test('an object that moves to another file is there all the time', { timeout }, async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1, b: 1 }) })
  await world.start()
  await save(world, 'a.yaml', broken, services({ b: 1 }))
  await save(world, 'b.yaml', services({ a: 2 }))
  assert.deepEqual([world.ports, world.fileOf('a')], [{ a: 2, b: 1 }, 'b.yaml'])
  assert.doesNotMatch(world.messages.join(), /in force/u)
})

test(
  'of two with one name the first file counts, and the problem names both places',
  { timeout },
  async () => {
    await using world = await World.create({
      'b.yaml': services({ x: 2 }),
      'c.yaml': services({ y: 1, x: 3 }),
    })
    await world.start()
    assert.deepEqual(world.ports, { x: 2, y: 1 })
    assert.deepEqual(world.problems, ['c.yaml:6 API_DUPLICATE_OBJECT'])
    assert.match(world.messages.join(), /b\.yaml:1:1/u)
    await save(world, 'a.yaml', services({ x: 1 }))
    assert.deepEqual(world.ports, { x: 1, y: 1 })
    assert.deepEqual(world.problems, ['b.yaml:1 API_DUPLICATE_OBJECT', 'c.yaml:6 API_DUPLICATE_OBJECT'])
    await world.unlink('a.yaml')
    await world.unlink('b.yaml')
    await world.files.sync()
    assert.deepEqual([world.ports, world.problems], [{ x: 3, y: 1 }, []])
  },
)

test('a file that can not be read keeps what it held, and the rest goes on', { timeout }, async () => {
  await using world = await World.create({
    'a.yaml': services({ a: 1 }),
    'b.yaml': services({ b: 1 }),
    'c.yaml': services({ c: 1 }),
    'd.yaml': services({ d: 1 }),
  })
  await world.start({ limits: { maxFileBytes: 1000 } })
  await appendFile(world.path('a.yaml'), '#'.repeat(1000))
  await writeFile(world.path('b.yaml'), Buffer.from([0x61, 0xff, 0xfe]))
  await world.unlink('c.yaml')
  await symlink('nowhere', world.path('c.yaml'))
  await save(world, 'd.yaml', services({ d: 2 }))
  assert.deepEqual(world.ports, { a: 1, b: 1, c: 1, d: 2 })
  const codes = ['a.yaml:1 FILES_TOO_LARGE', 'b.yaml:1 FILES_NOT_TEXT', 'c.yaml:1 FILES_UNREADABLE']
  assert.deepEqual(world.problems, codes)
  for (const message of world.messages)
    assert.match(message, /; the last good version of Service default\/[abc] stays/u)
  await truncate(world.path('a.yaml'), services({ a: 1 }).length)
  await world.unlink('b.yaml')
  await world.unlink('c.yaml')
  await world.files.sync()
  assert.deepEqual([world.ports, world.problems], [{ a: 1, d: 2 }, []])
})

test('a folder with the name of a manifest is a folder', { timeout }, async () => {
  await using world = await World.create({ 'x.yaml/a.yaml': services({ a: 1 }) })
  await world.start()
  assert.deepEqual([world.ports, world.problems], [{ a: 1 }, []])
})

test('links are followed, and each folder is read once', { timeout }, async () => {
  await using outside = await World.create({
    'away.yaml': services({ away: 1 }),
    'in/deep.yaml': services({ deep: 1 }),
  })
  await using world = await World.create({ 'z/a.yaml': services({ a: 1 }) })
  await symlink(outside.path('away.yaml'), world.path('away.yaml'))
  await symlink(outside.path('in'), world.path('in'))
  await symlink('z', world.path('b'))
  await symlink('..', world.path('z/up'))
  await symlink('.', world.path('self'))
  await symlink('loop.yaml', world.path('loop.yaml'))
  await world.start()
  assert.deepEqual(world.ports, { a: 1, away: 1, deep: 1 })
  assert.deepEqual([world.fileOf('a'), world.fileOf('deep')], ['z/a.yaml', 'in/deep.yaml'])
  assert.deepEqual(world.problems, ['loop.yaml:1 FILES_UNREADABLE'])
  await outside.write('away.yaml', services({ away: 2 }))
  await outside.write('in/deep.yaml', services({ deep: 2 }))
  await world.files.sync()
  assert.deepEqual(world.ports, { a: 1, away: 2, deep: 2 })
})

test('more files or names than allowed are a problem, and take nothing away', { timeout }, async () => {
  for (const limits of [{ maxFiles: 2 }, { maxEntries: 2 }]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await using world = await World.create({ 'b.yaml': services({ b: 1 }), 'c.yaml': services({ c: 1 }) })
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.start({ limits })
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await save(world, 'd.yaml', services({ d: 1 }))
    assert.deepEqual([world.ports, world.problems], [{ b: 1, c: 1 }, [':1 FILES_TOO_MANY']])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.unlink('d.yaml')
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.files.sync()
    assert.deepEqual([world.ports, world.problems], [{ b: 1, c: 1 }, []])
  }
})

test('a folder that is gone keeps everything until it is back', { timeout }, async () => {
  await using world = await World.create({ 'in/a.yaml': services({ a: 1 }) })
  await world.start({ path: 'in' })
  await rm(world.path('in'), { recursive: true })
  await world.files.sync()
  assert.deepEqual([world.ports, world.problems], [{ a: 1 }, ['in:1 FILES_UNREADABLE']])
  await mkdir(world.path('in'))
  await save(world, 'in/b.yaml', services({ b: 1 }))
  assert.deepEqual([world.ports, world.problems], [{ b: 1 }, []])
})
