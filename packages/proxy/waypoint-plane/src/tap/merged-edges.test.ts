import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EdgeLine } from './edge-meter.ts'
import { mergeLines } from './merged-edges.ts'

function line(sources: readonly string[], others: number = 0): EdgeLine {
  return {
    intervalMs: 1000,
    edges: sources.map((source) => ({
      source,
      service: 'shop/books',
      requests: 2,
      failures: 1,
      refusals: 1,
      latencies: [
        [1, 1],
        [7, 1],
      ],
    })),
    others,
  }
}

test('mergeLines() adds up what several workers have of one edge', () => {
  const merged = mergeLines([line(['a', 'b'], 3), { ...line(['b'], 4), intervalMs: 1001 }])
  const summed = {
    source: 'b',
    service: 'shop/books',
    requests: 4,
    failures: 2,
    refusals: 2,
    latencies: [
      [1, 2],
      [7, 2],
    ],
  }
  assert.deepEqual(merged, { intervalMs: 1001, edges: [line(['a']).edges[0], summed], others: 7 })
})

test('mergeLines() counts no more edges apart than one worker does, and the rest together', () => {
  const names = (prefix: string): readonly string[] => Array.from({ length: 800 }, (_, i) => `${prefix}${i}`)
  const { edges, others } = mergeLines([line(names('a')), line(names('b'), 5)])
  assert.deepEqual([edges.length, others], [1000, 600 * 2 + 5])
})
