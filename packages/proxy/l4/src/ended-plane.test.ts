import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@tulle/core'
import { silentLog } from '@tulle/runtime'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import { addressUpdate, testWorkload } from './test-mesh.ts'

function newPlane(workers: number): DataPlane {
  return createDataPlane(
    { workers },
    { log: silentLog, clock: systemClock, onIdentityNeeded: () => undefined },
  )
}

for (const workers of [0, 2]) {
  test(`case 40: renewals in a process that has drained are nobody's failure (${workers} threads)`, async () => {
    await using plane = newPlane(workers)
    assert.equal(await plane.drain(0), 0)
    await plane.setCertificates([])
  })

  test(`case 40: so are those that arrive while it ends (${workers} threads)`, async () => {
    const plane = newPlane(workers)
    const before = plane.setCertificates([])
    const ended = plane[Symbol.asyncDispose]()
    const meanwhile = plane.setCertificates([])
    await Promise.all([before, ended, meanwhile])
  })
}

test('state that comes after the end is refused: it was not applied', async () => {
  const plane = newPlane(1)
  await plane[Symbol.asyncDispose]()
  const update = addressUpdate([testWorkload('late', '10.0.0.1')])
  await assert.rejects(plane.apply(update), { code: 'L4_CLOSED' })
})
