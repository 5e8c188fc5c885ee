import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { parseSerial, spiffeId, parseTrustDomain, uniteRevocations } from './index.ts'

for (const [text, serial] of [
  ['0a', 'a'],
  ['00:AB:cd', 'abcd'],
  ['0', '0'],
  ['f'.repeat(40), 'f'.repeat(40)],
  [`00${'f'.repeat(40)}`, 'f'.repeat(40)],
] as const) {
  test(`parseSerial() reads ${text.slice(0, 20)}`, () => assert.equal(must(parseSerial(text)), serial))
}

for (const text of ['', ':', '0x12', 'g', 'f'.repeat(41), 'ab cd', 'spiffe://a/ns/b/sa/c']) {
  test(`parseSerial() refuses ${JSON.stringify(text.slice(0, 20))}`, () =>
    assert.equal(parseSerial(text).ok, false))
}

test('uniteRevocations() adds lists up', () => {
  const identity = (serviceAccount: string): ReturnType<typeof spiffeId> =>
    spiffeId({ trustDomain: must(parseTrustDomain('a')), namespace: 'b', serviceAccount })
  const united = uniteRevocations([
    { name: 'one', identities: [identity('x')], serials: ['1'] },
    { name: 'two', identities: [identity('x'), identity('y')], serials: [] },
  ])
  assert.deepEqual([...united.identities], [identity('x'), identity('y')])
  assert.deepEqual([...united.serials], ['1'])
})
