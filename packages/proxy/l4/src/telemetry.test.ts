import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MergedMetrics } from '@tulle/runtime'
import type { FamilySnapshot } from '@tulle/runtime'
import { partyOf } from './party.ts'
import { Telemetry } from './telemetry.ts'
import type { ConnectionLabels } from './telemetry.ts'
import { testWorkload } from './test-mesh.ts'

/** Two replicas of one deployment have all labels in common. */
function labels(uid: string, workloadName: string): ConnectionLabels {
  const workload = testWorkload(uid, '10.0.0.1', { workloadName, canonicalName: workloadName })
  return {
    uid,
    reporter: 'source',
    source: partyOf(workload, undefined),
    destination: partyOf(undefined, undefined),
    service: undefined,
    flags: '-',
    mutualTls: false,
  }
}

function familiesOf(telemetry: Telemetry): readonly FamilySnapshot[] {
  const merged = new MergedMetrics()
  for (const slice of telemetry.slices()) merged.add(slice)
  return merged.families
}

function openedBy(telemetry: Telemetry): readonly (readonly [string | undefined, number | undefined])[] {
  const found = familiesOf(telemetry).find(({ name }) => name === 'istio_tcp_connections_opened')
  return (found?.series ?? []).map((series) => [series.labels[1], series.values[0]])
}

test('Telemetry.release forgets the series of a workload, but for those that another counts on', () => {
  const telemetry = new Telemetry()
  for (const [uid, name] of [
    ['web-1', 'web'],
    ['web-2', 'web'],
    ['db-1', 'db'],
  ] as const) {
    telemetry.bind(labels(uid, name)).opened.inc()
    telemetry.failed({ ...labels(uid, name), flags: 'DENY' })
  }
  telemetry.release('db-1')
  telemetry.release('web-1')
  assert.deepEqual(openedBy(telemetry), [['web', 2]])
  telemetry.release('web-2')
  assert.deepEqual(openedBy(telemetry), [])
  const left = familiesOf(telemetry).filter(({ series }) => series.some(({ labels: all }) => all.length > 1))
  assert.deepEqual(left, [])
})
