import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { seededRng, TestClock } from '@tulle/core'
import { silentLog } from '@tulle/runtime'
import { dayMs, hourMs, identityOf, TestCa, until } from './certificate-fixture.ts'
import { CertificateStore } from './certificate-store.ts'

const web = identityOf('web')
const db = identityOf('db')
const never = new AbortController().signal
let base = ''
let count = 0

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'tulle-certificates-'))
})
after(() => rm(base, { recursive: true }))

const fresh = (): string => join(base, `store-${count++}`)

function storeIn(folder: string, clock: TestClock, ca: TestCa): CertificateStore {
  return new CertificateStore({ caClient: ca, folder }, { clock, rng: seededRng(1), log: silentLog })
}

/** A folder as a store leaves it that held these. */
async function left(folder: string, clock: TestClock, identities = [web, db]): Promise<readonly string[]> {
  const store = storeIn(folder, clock, new TestCa(clock))
  await store.start(never)
  for (const identity of identities) store.want(identity)
  await until(() => store.current.length === identities.length)
  const serials = store.current.map((held) => held.serial)
  await store[Symbol.asyncDispose]()
  return serials
}

/** A CA that is away. */
function away(clock: TestClock): TestCa {
  const ca = new TestCa(clock)
  ca.instead = () => Promise.reject(new Error('away'))
  return ca
}

describe('CertificateStore with a folder', () => {
  test('serves after a restart while the CA is away, from files of mode 0600', async () => {
    const clock = new TestClock()
    const folder = fresh()
    const serials = await left(folder, clock)
    assert.equal((await stat(folder)).mode & 0o777, 0o700)
    const files = await readdir(folder)
    assert.equal(files.length, 2)
    for (const file of files) assert.equal((await stat(join(folder, file))).mode & 0o777, 0o600)

    const ca = away(clock)
    await using store = storeIn(folder, clock, ca)
    store.want(db)
    await store.start(never)
    store.want(web)
    await clock.advance(0)
    assert.deepEqual(
      store.current.map((held) => held.serial),
      serials,
    )
    assert.deepEqual(
      store.status.map((entry) => entry.state),
      ['available', 'available'],
    )
    await clock.advance(0.35 * dayMs)
    const early = ca.asked.filter(({ atMs }) => atMs > clock.nowMs() - 0.35 * dayMs)
    assert.equal(early.length, 0, 'half life counts from when it came')
    await clock.advance(0.3 * dayMs)
    assert.ok(ca.asked.length > 1)
    assert.equal(store.current.length, 2)
  })

  test('ignores and removes what expired, broke or was renamed meanwhile', async () => {
    const clock = new TestClock()
    const folder = fresh()
    await left(folder, clock, [web])
    await clock.advance(2 * dayMs)
    await left(folder, clock, [db])
    const [good = ''] = await readdir(folder)
    assert.equal((await readdir(folder)).length, 1, 'the expired one is gone')

    const text = await readFile(join(folder, good), 'utf8')
    const other = (name: string, content: string): Promise<void> =>
      writeFile(join(folder, `${name}.json`), content)
    await other('cut', text.slice(0, 500))
    await other('empty', '')
    await other('null', 'null')
    await other('list', '[]')
    await other('renamed', text)
    await other('key', text.replace(/PRIVATE KEY-----\\n..../u, 'PRIVATE KEY-----\\nAAAA'))
    await other('huge', 'x'.repeat(1_048_577))
    await using store = storeIn(folder, clock, away(clock))
    await store.start(never)
    store.want(db)
    store.want(web)
    await clock.advance(0)
    assert.deepEqual(
      store.current.map((held) => held.identity),
      [db],
    )
    assert.deepEqual(await readdir(folder), [good])
  })

  test("takes a certificate under another identity's name for nobody's", async () => {
    const clock = new TestClock()
    const folder = fresh()
    await left(folder, clock)
    const [first = '', second = ''] = await readdir(folder)
    await rename(join(folder, first), join(folder, second))
    await using store = storeIn(folder, clock, away(clock))
    await store.start(never)
    store.want(web)
    store.want(db)
    await clock.advance(0)
    assert.equal(store.current.length, 0)
  })

  test('removes the file with the last release, and those that nobody claims', async () => {
    const clock = new TestClock()
    const folder = fresh()
    await left(folder, clock)
    await using store = storeIn(folder, clock, away(clock))
    await store.start(never)
    store.want(web)
    await clock.advance(9 * 60_000)
    assert.equal((await readdir(folder)).length, 2)
    await clock.advance(2 * 60_000)
    await store.drain()
    assert.equal((await readdir(folder)).length, 1)
    store.release(web)
    await store.drain()
    assert.deepEqual(await readdir(folder), [])
  })

  test('goes on where the folder cannot be written', async () => {
    const clock = new TestClock()
    const folder = fresh()
    await using store = storeIn(folder, clock, new TestCa(clock))
    await store.start(never)
    await rm(folder, { recursive: true })
    store.want(web)
    await until(() => store.current.length === 1)
    await store.drain()
    await clock.advance(hourMs)
    assert.equal(store.current.length, 1)
  })
})
