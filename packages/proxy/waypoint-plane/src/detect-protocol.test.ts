import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { spokenIn } from './detect-protocol.ts'
import type { Spoken } from './detect-protocol.ts'
import { FirstBytes } from './first-bytes.ts'
import { StreamLink } from './stream-link.ts'
import { TestStream } from './test-stream.ts'

const table: readonly (readonly [bytes: string, spoken: Spoken | undefined])[] = [
  ['', undefined],
  ['GE', undefined],
  ['GET ', 'http1'],
  ['M-SEARCH * HTTP/1.1', 'http1'],
  ['PRI', undefined],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n', undefined],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
  ['PRI * HTTP/1.1', 'http1'],
  ['get / HTTP/1.1', 'other'],
  [' GET /', 'other'],
  ['\r\nGET /', 'other'],
  ['\x16\x03\x01', 'other'],
  ['\0', 'other'],
  ['A'.repeat(32), undefined],
  ['A'.repeat(33), 'other'],
  [`${'A'.repeat(33)} `, 'other'],
]
for (const [bytes, spoken] of table)
  test(`case 34: ${JSON.stringify(bytes)} is ${spoken ?? 'not clear yet'}`, () =>
    assert.equal(spokenIn(Buffer.from(bytes, 'latin1')), spoken))

const onGone = (): void => assert.fail('the link is there')

test('case 34: a client that waits for the server to begin is known by its silence', async () => {
  const clock = new TestClock()
  const link = new StreamLink()
  const known: string[] = []
  link.attachStream(new TestStream())
  const options = { link, clock, silenceMs: 500, read: spokenIn, silent: 'other', onGone } as const
  new FirstBytes<Spoken>(options, (spoken, bytes) => known.push(`${spoken} ${bytes.toString()}`))
  const bytes = Buffer.from('GE')
  link.onData(bytes, 0, 2)
  await clock.advance(499)
  assert.deepEqual(known, [])
  await clock.advance(1)
  assert.deepEqual(known, ['other GE'])
})

test('a client that leaves before it says anything is told of, once', async () => {
  const clock = new TestClock()
  const link = new StreamLink()
  let gone = 0
  link.attachStream(new TestStream())
  const options = { link, clock, silenceMs: 500, read: spokenIn, silent: 'other' } as const
  new FirstBytes<Spoken>({ ...options, onGone: () => gone++ }, () => assert.fail('it said nothing'))
  link.onReset(8)
  await clock.advance(500)
  assert.equal(gone, 1)
})

test('bytes that come one by one are put together', () => {
  const link = new StreamLink()
  const known: string[] = []
  link.attachStream(new TestStream())
  new FirstBytes<Spoken>(
    { link, clock: new TestClock(), silenceMs: 500, read: spokenIn, silent: 'other', onGone },
    (spoken, all) => known.push(`${spoken} ${all.toString()}`),
  )
  for (const letter of 'GET ') link.onData(Buffer.from(letter), 0, 1)
  assert.deepEqual(known, ['http1 GET '])
})
