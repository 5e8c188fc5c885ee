import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@tulle/core'
import { silentLog } from '@tulle/runtime'
import { createDataPlane } from './create-data-plane.ts'
import type { L4Error } from './errors.ts'
import { addressUpdate, testWorkload } from './test-mesh.ts'

test('case 39: a worker that hits the limit of its heap ends alone, and says so: the process goes on to report it', async () => {
  const failed = Promise.withResolvers<L4Error>()
  await using plane = createDataPlane(
    { workers: 1, limits: { maxHeapBytes: 8 * 1024 ** 2 } },
    {
      log: silentLog,
      clock: systemClock,
      onIdentityNeeded: () => undefined,
      onFailed: (error) => failed.resolve(error),
    },
  )
  let refused: Error | undefined
  for (let part = 0; part < 100 && refused === undefined; part++) {
    const workloads = Array.from({ length: 2000 }, (_, i) =>
      testWorkload(`w-${part}-${i}`, `10.${100 + part}.${i >> 8}.${i & 255}`),
    )
    refused = await plane.apply(addressUpdate(workloads)).then(
      () => undefined,
      (error: Error) => error,
    )
  }
  assert.ok(refused !== undefined, 'two hundred thousand workloads do not fit')
  const error = await failed.promise
  assert.equal(error.code, 'L4_WORKER')
  assert.match(error.message, /a data path thread ended: .*memory limit/u)
})
