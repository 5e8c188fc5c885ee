import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ActiveRequests } from './active-requests.ts'
import type { ActiveRequest } from './active-requests.ts'

/** Requests that leave when they are given up, as those of a proxy do. */
function requestsAt(...times: readonly number[]) {
  const all = new ActiveRequests()
  const ended: number[] = []
  const requests = times.map((lastMovedMs) => {
    const request: ActiveRequest = {
      place: -1,
      lastMovedMs,
      endIdle() {
        ended.push(lastMovedMs)
        all.remove(request)
      },
    }
    all.add(request)
    return request
  })
  return { all, requests, ended }
}

test('ActiveRequests: whoever leaves, the others stay', () => {
  const { all, requests, ended } = requestsAt(1, 2, 3, 4, 5)
  for (const index of [0, 4, 2]) all.remove(requests[index] ?? assert.fail())
  assert.equal(all.size, 2)
  all.endIdleSince(10)
  assert.deepEqual(new Set(ended), new Set([2, 4]))
  assert.equal(all.size, 0)
})

test('ActiveRequests: gives up those alone that stand still', () => {
  const { all, ended } = requestsAt(1, 20, 2, 30, 3)
  all.endIdleSince(10)
  assert.deepEqual(new Set(ended), new Set([1, 2, 3]))
  assert.equal(all.size, 2)
})
