import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSoak } from '../../bench/soak/soak.ts'

test('changes, short-lived certificates and a kill: nothing allowed fails otherwise, nothing refused passes', async () => {
  const result = await runSoak({
    durationMs: 28_000,
    certificateLifetime: '20s',
    disturbEveryMs: 12_000,
    perSecond: 500,
  })
  assert.deepEqual(result.failures, [], JSON.stringify(result.misjudged, undefined, 2))
  // One a second, as far as the machine keeps up.
  assert.ok(result.changes >= 5, `${result.changes} changes`)
})
