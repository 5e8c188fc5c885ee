import assert from 'node:assert/strict'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { test } from 'node:test'
import { errorCode } from '@tulle/core'
import fc from 'fast-check'
import { brokenService, services, World } from './testing/world.ts'

const path = fc.constantFrom('a.yaml', 'b.yaml', 'sub/a.yaml', 'sub/deep/c.yaml', 'x.yaml~', '.hidden/a.yaml')
const place = fc.oneof(path, fc.constantFrom('sub', 'other', 'sub/deep'))
const text = fc
  .dictionary(fc.constantFrom('s', 't', 'u'), fc.integer({ min: 1, max: 9 }), { maxKeys: 3 })
  .map(services)

type Step =
  | { readonly do: 'write'; readonly path: string; readonly text: string }
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  | { readonly do: 'delete'; readonly path: string }
  | { readonly do: 'sync' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write'), path, text }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rename'), from: place, to: place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete'), path: place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sync') }) },
)

async function take(world: World, step: Step): Promise<void> {
  try {
    if (step.do === 'sync') await world.files.sync()
    if (step.do === 'delete') await rm(world.path(step.path), { recursive: true, force: true })
    if (step.do === 'rename') await rename(world.path(step.from), world.path(step.to))
    if (step.do === 'write') {
      await mkdir(dirname(world.path(step.path)), { recursive: true })
      await writeFile(world.path(step.path), step.text)
    }
  } catch (error) {
    // A step that the folder does not allow now, such as a file in the place of a folder.
    if (!/^(?:ENOENT|EEXIST|ENOTDIR|EISDIR|ENOTEMPTY|EINVAL)$/u.test(errorCode(error) ?? '')) throw error
  }
}

interface Seen {
  readonly objects: unknown
  readonly problems: unknown
}

function seen(world: World): Seen {
  const { api, problems } = world.files
  return { objects: [...api.services.entries()], problems: [...problems.entries()] }
}

/** What somebody who begins now reads in the folder. */
async function readAnew(root: string): Promise<Seen> {
  await using world = await World.create()
  await world.start({ path: relative(world.root, root) })
  return seen(world)
}

test(
  'after any writes, renames and deletions sync() knows what a first read would',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        await using world = await World.create({
          'a.yaml': services({ s: 1 }),
          'sub/deep/c.yaml': services({ t: 1 }),
        })
        await world.start({ limits: { missingMs: 1 } })
        // oxlint-disable-next-line no-await-in-loop -- in order
        for (const each of steps) await take(world, each)
        await world.files.sync()
        assert.deepEqual(seen(world), await readAnew(world.root))
      }),
      { numRuns: 60 },
    )
  },
)

test('whatever breaks, a service goes only when a save says so', { timeout: 120_000 }, async () => {
  const state = fc.constantFrom('good', 'broken', 'absent')
  const saves = fc.array(fc.record({ s: state, t: state, u: state }), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(saves, async (list) => {
      await using world = await World.create({ 'a.yaml': '' })
      await world.start({ limits: { missingMs: 1 } })
      const expected = new Set<string>()
      for (const save of list) {
        const documents = Object.entries(save).flatMap(([name, how]) => {
          if (how === 'good') expected.add(name)
          if (how === 'absent') expected.delete(name)
          return how === 'absent' ? [] : [how === 'good' ? services({ [name]: 1 }) : brokenService(name)]
        })
        // oxlint-disable-next-line no-await-in-loop -- one save after the other
        await world.write('a.yaml', documents.join('---\n'))
        // oxlint-disable-next-line no-await-in-loop -- one save after the other
        await world.files.sync()
        assert.deepEqual(Object.keys(world.ports), [...expected].toSorted())
      }
    }),
    { numRuns: 40 },
  )
})
