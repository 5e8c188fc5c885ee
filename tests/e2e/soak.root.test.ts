import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSoak } from '../../bench/soak/soak.ts'

test('half a minute of changes and short-lived certificates: nothing allowed fails, nothing refused passes', async () => {
  const result = await runSoak({ durationMs: 30_000, certificateLifetime: '20s' })
  assert.deepEqual(result.failures, [], JSON.stringify(result.misjudged, undefined, 2))
  assert.ok(result.changes >= 15, `${result.changes} changes`)
})
