import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SlidingCount } from './sliding-count.ts'

const windowMs = 1000
const slotMs = windowMs / 20

test('SlidingCount bounds what happened within the window from both sides, to a twentieth of it', () => {
  const gaps = fc.array(fc.oneof(fc.nat({ max: 70 }), fc.nat({ max: 1200 }), fc.constant(90_000)), {
    maxLength: 80,
  })
  fc.assert(
    fc.property(gaps, fc.nat({ max: 100_000 }), (waits, startMs) => {
      const count = new SlidingCount(windowMs)
      const times: number[] = []
      let nowMs = startMs
      for (const waitMs of waits) {
        nowMs += waitMs
        count.add(nowMs)
        times.push(nowMs)
        const within = (spanMs: number): number => times.filter((timeMs) => timeMs > nowMs - spanMs).length
        assert.ok(
          count.atLeast(nowMs) <= within(windowMs) && count.atLeast(nowMs) >= within(windowMs - slotMs),
        )
        assert.ok(count.atMost(nowMs) >= within(windowMs) && count.atMost(nowMs) <= within(windowMs + slotMs))
      }
    }),
    { numRuns: 500 },
  )
})
