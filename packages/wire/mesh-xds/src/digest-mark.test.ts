import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDigestMark, parseDigestMark } from './digest-mark.ts'
import type { DigestMark } from './digest-mark.ts'

test('parseDigestMark() reads what formatDigestMark() makes', () => {
  const marks: readonly DigestMark[] = [
    { kind: 'taken' },
    { kind: 'resumed' },
    { kind: 'tell', buckets: new Set([3, 700]) },
  ]
  for (const mark of marks) assert.deepEqual(parseDigestMark(formatDigestMark(mark)), mark)
})

test('parseDigestMark() passes over what others say, and over marks of another format', () => {
  const strangers = [
    undefined,
    '',
    '{"Component":"istiod","ID":"istiod-1","Info":{"version":"1.28.0"}}',
    'tulle-digests/1',
    'tulle-digests/2 taken',
    'tulle-digests/1 taken again',
    'tulle-digests/1 tell',
    'tulle-digests/1 tell AAAA',
    'tulle-digests/1 constructor',
  ]
  for (const text of strangers) assert.equal(parseDigestMark(text), undefined, String(text))
})
