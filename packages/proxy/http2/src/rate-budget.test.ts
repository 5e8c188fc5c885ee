import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { RateBudget } from './rate-budget.ts'

test('RateBudget gives its burst, then its rate, and never saves more than the burst', async () => {
  const clock = new TestClock()
  const budget = new RateBudget({ burst: 3, perSecond: 2 }, clock)
  const take = (): string => [1, 2, 3, 4].map(() => (budget.take() ? 'y' : 'n')).join('')
  equal(take(), 'yyyn')
  await clock.advance(1000)
  equal(take(), 'yynn')
  await clock.advance(60_000)
  equal(take(), 'yyyn')
})
