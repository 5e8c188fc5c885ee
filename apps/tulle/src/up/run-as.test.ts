import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chooseRunAs, openToEverybody } from './run-as.ts'

test('chooseRunAs() prefers the user that called sudo', () => {
  assert.deepEqual(
    chooseRunAs({ env: { SUDO_UID: '1000', SUDO_GID: '100' }, paths: ['/nowhere'], slot: 3 }),
    { uid: 1000, gid: 100 },
  )
})

test('chooseRunAs() gives each workload a user of its own where everybody may reach what it needs', () => {
  assert.deepEqual(chooseRunAs({ env: {}, paths: ['/usr/bin'], slot: 3 }), { uid: 61_003, gid: 61_003 })
})

test('chooseRunAs() keeps the user where others may not', () => {
  assert.equal(chooseRunAs({ env: {}, paths: ['/usr/bin', '/nowhere'], slot: 3 }), undefined)
})

test('openToEverybody() looks at every folder on the way', () => {
  const root = mkdtempSync('/var/tmp/tulle-open-')
  try {
    const inner = join(root, 'inner')
    mkdirSync(inner)
    chmodSync(inner, 0o755)
    chmodSync(root, 0o700)
    assert.equal(openToEverybody(inner), false)
    chmodSync(root, 0o755)
    assert.equal(openToEverybody(inner), true)
  } finally {
    rmSync(root, { recursive: true })
  }
})
