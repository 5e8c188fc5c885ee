import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ReceiveWindow } from './receive-window.ts'
import type { WindowBudget } from './session-options.ts'

function growthAt(times: readonly number[], budget?: WindowBudget) {
  let call = 0
  return { monotonicMs: () => times[Math.min(call++, times.length - 1)] ?? 0, roundTripMs: 1, budget }
}

test('ReceiveWindow announces when half is consumed, and not before', () => {
  const window = new ReceiveWindow(1000, 1000)
  equal(window.debit(1000), true)
  equal(window.credit(499, 1000, growthAt([0])), 0)
  equal(window.credit(1, 1000, growthAt([0])), 500)
  equal(window.available, 500)
})

test('ReceiveWindow.debit tells an overrun', () => {
  const window = new ReceiveWindow(10, 10)
  equal(window.debit(10), true)
  equal(window.debit(1), false)
})

test('ReceiveWindow doubles while it is drained fast, up to its limit', () => {
  const window = new ReceiveWindow(1000, 1000)
  const growth = growthAt([0, 5, 8, 9])
  const sizes: number[] = []
  for (let round = 0; round < 4; round++) {
    window.debit(window.size / 2)
    window.credit(window.size / 2, 3000, growth)
    sizes.push(window.size)
  }
  equal(sizes.join(' '), '1000 2000 3000 3000')
})

test('ReceiveWindow stays as it is while it is drained slowly', () => {
  const window = new ReceiveWindow(1000, 1000)
  const growth = growthAt([0, 100, 200])
  for (let round = 0; round < 3; round++) window.credit(500, 4000, growth)
  equal(window.size, 1000)
})

test('ReceiveWindow grows only with the budget and gives back what it took', () => {
  let free = 1500
  const budget = {
    take(bytes: number) {
      if (bytes > free) return false
      free -= bytes
      return true
    },
    give(bytes: number) {
      free += bytes
    },
  }
  const window = new ReceiveWindow(1000, 1000)
  const growth = growthAt([0], budget)
  for (let round = 0; round < 4; round++) window.credit(window.size / 2, 8000, growth)
  equal(window.size, 2000)
  equal(free, 500)
  window.release(growth)
  equal(free, 1500)
})

/** A budget of so many bytes that shows what is left. */
function budgetOf(bytes: number) {
  const budget = {
    free: bytes,
    take(wanted: number) {
      if (wanted > budget.free) return false
      budget.free -= wanted
      return true
    },
    give(back: number) {
      budget.free += back
    },
  }
  return budget
}

/** A window of 1000 bytes that has grown to 4000. */
function grown(budget: ReturnType<typeof budgetOf>) {
  const window = new ReceiveWindow(1000, 1000)
  const growth = growthAt([0], budget)
  for (let round = 0; round < 3; round++) {
    const bytes = window.size / 2
    window.debit(bytes)
    window.credit(bytes, 4000, growth)
  }
  equal(window.size, 4000)
  return { window, growth }
}

test('a window that rests gives back what it grew by, and takes it again when payload comes', () => {
  const budget = budgetOf(3000)
  const { window, growth } = grown(budget)
  equal(budget.free, 0)
  window.rest(growth)
  window.rest(growth)
  equal(budget.free, 3000)
  window.debit(window.available)
  equal(window.credit(4000, 4000, growth), 4000)
  equal(budget.free, 0)
  window.release(growth)
  equal(budget.free, 3000)
})

test('a window that rested while others took its part shrinks to its first size, whatever it is consumed in', () => {
  for (const piece of [1, 100, 1000, 4000]) {
    const budget = budgetOf(3000)
    const { window, growth } = grown(budget)
    window.rest(growth)
    equal(budget.take(1), true)
    const had = window.available
    let announced = 0
    for (let at = 0; at < had; at += piece) {
      const bytes = Math.min(piece, had - at)
      equal(window.debit(bytes), true)
      announced += window.credit(bytes, 1000, growth)
    }
    equal(window.size, 1000, `in pieces of ${piece}`)
    equal(announced > 0 && window.available <= 1000, true, `${window.available} in pieces of ${piece}`)
    window.release(growth)
    equal(budget.free, 2999)
  }
})
