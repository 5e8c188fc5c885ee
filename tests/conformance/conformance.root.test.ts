import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cases, notMetByTulle } from './cases/index.ts'
import { TulleDriver } from './drivers/tulle.ts'
import { lineOf } from './lib/report.ts'
import { runCases } from './lib/run-cases.ts'

/** The whole suite on one mesh: what `npm run conformance` reports, a test for each case. */

let driver: TulleDriver

before(async () => {
  driver = await TulleDriver.start()
})
after(async () => {
  await driver[Symbol.asyncDispose]()
})

describe('Tulle in a folder', () => {
  for (const one of cases) {
    test(`${one.id}: ${one.proves}`, async () => {
      const options = { driver, seed: 1, nowMs: () => performance.now(), notMet: notMetByTulle }
      const [result] = await runCases([one], options)
      assert.ok(result !== undefined)
      // A case that is known to fail has to fail, so that the list of them stays true.
      assert.ok(result.verdict === 'passed' || result.verdict === 'not-met', lineOf(result))
    })
  }
})
