import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxRegexLength } from './limits.ts'
import { regexFault } from './regex.ts'

for (const pattern of ['', '/api/.*', '^[a-z]+$', '(a+)+$', '(?i)books', String.raw`\d{1,3}\.\d+`]) {
  test(`regexFault() finds ${JSON.stringify(pattern)} sound`, () => {
    assert.equal(regexFault(pattern), undefined)
  })
}

const faults: readonly (readonly [pattern: string, says: RegExp])[] = [
  ['(?=a)', /RE2 has no look-around/u],
  ['(?<!a)b', /RE2/u],
  [String.raw`(a)\1`, /RE2 has no back-references/u],
  ['*', /write "\.\*" for anything/u],
  ['(', /missing closing/u],
  ['a{1001}', /invalid repeat count/u],
  ['a'.repeat(maxRegexLength + 1), /expected at most 1024/u],
  ['([a-z]{1000}|[0-9]{1000}x){1}.{1000}.{1000}.{999}', /unfolds to \d+ steps/u],
]

for (const [pattern, says] of faults) {
  test(`regexFault() says what is wrong with ${JSON.stringify(pattern.slice(0, 40))}`, () => {
    assert.match(regexFault(pattern) ?? '', says)
  })
}
