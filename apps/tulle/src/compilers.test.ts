import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { cachedDataVersionTag } from 'node:v8'

test('settleCompilers() says what V8 knows, and compiled code stays of use', () => {
  const script = `
import { cachedDataVersionTag } from 'node:v8'
import { settleCompilers } from ${JSON.stringify(join(import.meta.dirname, 'compilers.ts'))}
settleCompilers()
console.log(cachedDataVersionTag())`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  assert.equal(Number(stdout), cachedDataVersionTag())
})
