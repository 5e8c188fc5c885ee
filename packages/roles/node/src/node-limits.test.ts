import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from '@tulle/l4'
import { parseOptions } from '@tulle/runtime'
import { limitsOf } from './node-limits.ts'
import { nodeOptions } from './options.ts'

const required = ['--node', 'n', '--control-roots', 'roots.pem', '--token', 'token']

function limitsFor(...argv: readonly string[]) {
  const parsed = parseOptions(nodeOptions, { argv: [...required, ...argv], env: {} })
  assert.ok(parsed.ok)
  return limitsOf(parsed.value)
}

test('without options the limits are those of the data plane', () => {
  assert.deepEqual({ ...defaultLimits, ...limitsFor() }, defaultLimits)
})

test('each option sets its limit, and what follows from it', () => {
  const limits = limitsFor('--max-connections', '100', '--max-handshakes', '8', '--max-held-bytes', '64MiB')
  assert.equal(limits.maxConnectionsPerWorkload, 100)
  assert.deepEqual([limits.maxHandshakes, limits.maxHandshakesPerSource], [8, 2])
  assert.deepEqual([limits.maxHeldBytes, limits.maxHeldBytesPerWorkload], [67_108_864, 16_777_216])
  assert.deepEqual([limits.maxWindowBytes, limits.maxWindowBytesPerWorkload], [67_108_864, 16_777_216])
  assert.equal(limitsFor('--idle-session', '30s').idleSessionMs, 30_000)
})
