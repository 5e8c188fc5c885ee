import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStyle, wantsColor } from './style.ts'

const cases: readonly (readonly [why: string, isTTY: boolean, env: NodeJS.ProcessEnv, color: boolean])[] = [
  ['a terminal', true, {}, true],
  ['a pipe', false, {}, false],
  ['a terminal with NO_COLOR', true, { NO_COLOR: '1' }, false],
  ['a terminal with an empty NO_COLOR', true, { NO_COLOR: '' }, true],
  ['a dumb terminal', true, { TERM: 'dumb' }, false],
  ['a pipe with FORCE_COLOR', false, { FORCE_COLOR: '1' }, true],
  ['NO_COLOR before FORCE_COLOR', true, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
]
for (const [why, isTTY, env, color] of cases) {
  test(`wantsColor() is ${color} for ${why}`, () => assert.equal(wantsColor({ isTTY }, env), color))
}

test('createStyle() without colour leaves text as it is', () => {
  assert.equal(createStyle(false).bad('refused'), 'refused')
  assert.notEqual(createStyle(true).bad('refused'), 'refused')
})
