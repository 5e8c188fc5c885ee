import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { test } from 'node:test'
import { parseManifests } from '@tulle/api'
import { TestClock } from '@tulle/core'
import { filesLimits } from './limits.ts'
import { signatureOf } from './list-folder.ts'
import type { Listing } from './list-folder.ts'
import { ManifestFiles } from './manifest-files.ts'
import { services, World } from './testing/world.ts'

test('ManifestFiles does not trust the signature of a file that has just changed', async () => {
  await using world = await World.create({ 'a.yaml': services({ a: 1 }) })
  const path = world.path('a.yaml')
  const stats = await stat(path, { bigint: true })
  const listing: Listing = { files: [{ path, signature: signatureOf(stats) }], unknown: [], problems: [] }
  for (const [ageMs, isReadAgain] of [
    [0, true],
    [1999, true],
    [-1000, true],
    [60_000, false],
  ] as const) {
    const clock = new TestClock(Number(stats.ctimeMs) + ageMs)
    const files = new ManifestFiles({ parse: parseManifests, clock, limits: filesLimits })
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.write('a.yaml', services({ a: 1 }))
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await files.update({ ...listing, files: [{ path, signature: await signature(path) }] })
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const before = await signature(path)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.write('a.yaml', services({ a: 2 }))
    // As if the second write had left the same time stamp.
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.equal(await files.update({ ...listing, files: [{ path, signature: before }] }), isReadAgain)
  }
})

async function signature(path: string): Promise<string> {
  return signatureOf(await stat(path, { bigint: true }))
}

test('ManifestFiles takes a file that vanishes between listing and reading for gone, not for unreadable', async () => {
  const files = new ManifestFiles({ parse: parseManifests, clock: new TestClock(), limits: filesLimits })
  const gone = { path: '/nowhere/a.yaml', signature: '1' }
  assert.equal(await files.update({ files: [gone], unknown: [], problems: [] }), false)
  assert.deepEqual(files.problems(), [])
})

test('case 37: a text that breaks off is passed over until it has been left alone for longer', async () => {
  const text = services({ a: 1, b: 1 })
  await using world = await World.create({ 'a.yaml': text })
  const path = world.path('a.yaml')
  const files = new ManifestFiles({ parse: parseManifests, clock: new TestClock(), limits: filesLimits })
  await files.update({ files: [{ path, signature: await signature(path) }], unknown: [], problems: [] })
  const look = async (calm: boolean): ReturnType<typeof files.updateSome> =>
    files.updateSome([{ path, found: { path, signature: await signature(path) }, calm }])
  await world.write('a.yaml', text.slice(0, 40))
  assert.deepEqual(await look(false), { changed: false, doubtful: [path] })
  assert.equal(files.objects, 2)
  assert.deepEqual(files.problems(), [])
  assert.equal((await look(true)).changed, true)
  assert.notDeepEqual(files.problems(), [])
  await world.write('a.yaml', services({ a: 2, b: 2 }))
  assert.deepEqual(await look(false), { changed: true, doubtful: [] })
  assert.deepEqual(files.problems(), [])
})
