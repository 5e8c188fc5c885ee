import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadTokenKey, mintNodeToken, verifyNodeToken } from '@tulle/ca'
import type { TokenKey } from '@tulle/ca'
import { TestClock } from '@tulle/core'
import { silentLog } from '@tulle/runtime'
import { keepNodeTokens } from './node-tokens.ts'
import { stateFiles } from './state-folder.ts'
import type { StateFiles } from './state-folder.ts'

async function emptyState(): Promise<
  { readonly files: StateFiles; readonly key: TokenKey; readonly clock: TestClock } & AsyncDisposable
> {
  const folder = await mkdtemp(join(tmpdir(), 'tulle-tokens-'))
  const files = stateFiles(folder)
  return {
    files,
    key: await loadTokenKey(files.tokenKey),
    clock: new TestClock(),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

test('keepNodeTokens() keeps a private token for each node, valid at any time', async () => {
  await using state = await emptyState()
  const { files, key, clock } = state
  const options = { key, nodes: ['n1', 'n2'], ttlMs: 60_000, files }
  const kept = await keepNodeTokens(options, { clock, log: silentLog })
  const first = await readFile(files.node('n1').token, 'utf8')
  assert.equal((await stat(files.node('n1').token)).mode & 0o777, 0o600)
  assert.equal((await stat(files.node('n1').folder)).mode & 0o777, 0o700)
  const expiresAtMs = clock.nowMs() + 60_000
  assert.deepEqual(await verifyNodeToken(key, first, clock), { ok: true, value: { node: 'n1', expiresAtMs } })
  const second = await nextToken()
  assert.notEqual(second, first)
  kept[Symbol.dispose]()
  assert.equal(clock.pending, 0)

  /** Time goes on to the half life, then the file is written in its own time. */
  async function nextToken(): Promise<string> {
    await clock.advance(30_000)
    for (;;) {
      const token = await readFile(files.node('n1').token, 'utf8')
      if (token !== first && clock.pending > 0) return token
    }
  }
})

test('a start keeps the tokens that hold beyond their next renewal, and no others', async () => {
  await using state = await emptyState()
  const { files, key, clock } = state
  const nodes = ['good', 'old', 'long', 'alien', 'foreign', 'open', 'exposed', 'gone']
  const ttlMs = 60_000
  const begin = async (): Promise<void> => {
    using _kept = await keepNodeTokens({ key, nodes, ttlMs, files }, { clock, log: silentLog })
  }
  const read = (): Promise<readonly string[]> =>
    Promise.all(nodes.map((node) => readFile(files.node(node).token, 'utf8')))
  const put = (node: string, text: string): Promise<void> => writeFile(files.node(node).token, text)
  await begin()
  await clock.advance(1000)
  await put('old', await mintNodeToken(key, { node: 'old', ttlMs: ttlMs / 2, clock }))
  await put('long', await mintNodeToken(key, { node: 'long', ttlMs: 2 * ttlMs, clock }))
  await put('alien', await mintNodeToken({ secret: Buffer.alloc(32) }, { node: 'alien', ttlMs, clock }))
  await put('foreign', await mintNodeToken(key, { node: 'good', ttlMs, clock }))
  await chmod(files.node('open').token, 0o644)
  await chmod(files.node('exposed').folder, 0o755)
  const before = await read()
  await rm(files.node('gone').token)
  await begin()
  const after = await read()
  const kept = nodes.filter((_, i) => after[i] === before[i])
  assert.deepEqual(kept, ['good'])
  for (const [i, node] of nodes.entries()) {
    const found = await verifyNodeToken(key, after[i] ?? '', clock)
    assert.equal(found.ok && found.value.node, node)
    assert.equal((await stat(files.node(node).token)).mode & 0o777, 0o600)
    assert.equal((await stat(files.node(node).folder)).mode & 0o777, 0o700)
  }
})
