import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadTokenKey, verifyNodeToken } from '@tulle/ca'
import { TestClock } from '@tulle/core'
import { silentLog } from '@tulle/runtime'
import { keepNodeTokens } from './node-tokens.ts'
import { stateFiles } from './state-folder.ts'

test('keepNodeTokens() keeps a private token for each node, valid at any time', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'tulle-tokens-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const files = stateFiles(folder)
  const clock = new TestClock()
  const key = await loadTokenKey(files.tokenKey)
  const options = { key, nodes: ['n1', 'n2'], ttlMs: 60_000, files }
  const kept = await keepNodeTokens(options, { clock, log: silentLog })
  const first = await readFile(files.node('n1').token, 'utf8')
  assert.equal((await stat(files.node('n1').token)).mode & 0o777, 0o600)
  assert.equal((await stat(files.node('n1').folder)).mode & 0o777, 0o700)
  assert.deepEqual(await verifyNodeToken(key, first, clock), { ok: true, value: { node: 'n1' } })
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
