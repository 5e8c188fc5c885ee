import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { addressType } from '@tulle/mesh-xds'
import { expositionText, MetricsRegistry } from '@tulle/runtime'
import { AddressBook } from './address-book.ts'

class BookFixture {
  readonly asked: string[] = []
  readonly released: string[] = []
  readonly clock: TestClock = new TestClock(0)
  readonly metrics: MetricsRegistry = new MetricsRegistry()
  readonly book: AddressBook = new AddressBook({
    clock: this.clock,
    metrics: this.metrics,
    ask: (name) => this.asked.push(name),
    release: (name) => this.released.push(name),
  })

  has(name: string, ...aliases: readonly string[]): void {
    this.book.applied({
      typeUrl: addressType,
      upserts: [{ name, version: '1', aliases, bytes: new Uint8Array() }],
      removed: [],
    })
  }

  lacks(...removed: readonly string[]): void {
    this.book.applied({ typeUrl: addressType, upserts: [], removed })
  }
}

test('AddressBook asks for each name once, and knows the answer by name and by alias', async () => {
  const fixture = new BookFixture()
  const [first, second] = [fixture.book.need('/10.0.0.1'), fixture.book.need('/10.0.0.1')]
  assert.deepEqual(fixture.asked, ['/10.0.0.1'])
  fixture.has('w1', '/10.0.0.1')
  await Promise.all([first, second, fixture.book.need('w1'), fixture.book.need('/10.0.0.1')])
  assert.deepEqual(fixture.asked, ['/10.0.0.1'])
})

test('AddressBook knows that there is nothing until there is, without asking again', async () => {
  const fixture = new BookFixture()
  const needed = fixture.book.need('/10.9.9.9')
  fixture.lacks('/10.9.9.9')
  await needed
  await fixture.book.need('/10.9.9.9')
  fixture.has('w1', '/10.9.9.9')
  await fixture.book.need('w1')
  fixture.lacks('w1')
  await fixture.book.need('/10.9.9.9')
  assert.deepEqual(
    fixture.asked,
    ['/10.9.9.9'],
    'it stays subscribed to, so that it is heard of when it comes',
  )
  void fixture.book.need('w1')
  assert.deepEqual(fixture.asked, ['/10.9.9.9', 'w1'], 'it came as something else, and is not listened for')
})

test('AddressBook keeps an alias that moved to another resource', async () => {
  const fixture = new BookFixture()
  fixture.has('w1', '/10.0.0.1')
  fixture.has('w2', '/10.0.0.1')
  fixture.lacks('w1')
  await fixture.book.need('/10.0.0.1')
  assert.deepEqual(fixture.asked, [])
})

test('AddressBook lets go of what stands for nothing and was needed longest ago', async () => {
  const fixture = new BookFixture()
  const name = (i: number): string => `/10.0.${i >> 8}.${i & 255}`
  for (let i = 0; i < 8192; i++) {
    const needed = fixture.book.need(name(i))
    fixture.lacks(name(i))
    await needed
  }
  await fixture.book.need(name(0))
  const needed = fixture.book.need('/10.1.0.0')
  fixture.lacks('/10.1.0.0')
  await needed
  assert.deepEqual(fixture.released, [name(1)])
})

test('AddressBook refuses to ask for more than can have no answer', async () => {
  const fixture = new BookFixture()
  for (let i = 0; i < 8192; i++) void fixture.book.need(`n${i}`)
  await assert.rejects(fixture.book.need('one more'), /8192 addresses have no answer yet/u)
  assert.equal(fixture.asked.length, 8192)
})

test('AddressBook waits for the description of a workload, but not for ever', async () => {
  const fixture = new BookFixture()
  let done = false
  const enrolled = fixture.book.enrol('w1').then(() => (done = true))
  assert.deepEqual(fixture.asked, ['w1'])
  await fixture.clock.advance(4999)
  assert.equal(done, false)
  await fixture.clock.advance(1)
  await enrolled
})

test('AddressBook lets go of what stands for nothing and nobody needed for ten minutes', async () => {
  const fixture = new BookFixture()
  for (const name of ['/10.9.9.1', '/10.9.9.2']) {
    const needed = fixture.book.need(name)
    fixture.lacks(name)
    await needed
  }
  await fixture.clock.advance(540_000)
  await fixture.book.need('/10.9.9.2')
  await fixture.clock.advance(60_000)
  assert.deepEqual(fixture.released, ['/10.9.9.1'])
  void fixture.book.need('/10.9.9.1')
  assert.deepEqual(fixture.asked, ['/10.9.9.1', '/10.9.9.2', '/10.9.9.1'], 'it is asked for anew')
  await fixture.clock.advance(540_000)
  assert.deepEqual(fixture.released, ['/10.9.9.1', '/10.9.9.2'])
})

test('AddressBook goes on listening for a workload of the node that nobody describes, and for what is there', async () => {
  const fixture = new BookFixture()
  const enrolled = fixture.book.enrol('w1')
  fixture.lacks('w1')
  await enrolled
  fixture.has('w2', '/10.0.0.2')
  await fixture.clock.advance(3_600_000)
  assert.deepEqual(fixture.released, [])
})

test('AddressBook counts lookups and misses, and the names that it holds', async () => {
  const fixture = new BookFixture()
  void fixture.book.need('/10.9.9.9')
  void fixture.book.need('/10.9.9.9')
  fixture.lacks('/10.9.9.9')
  fixture.has('w1', '/10.0.0.1')
  await fixture.book.need('/10.0.0.1')
  await fixture.book.need('/10.9.9.9')
  void fixture.book.need('/10.9.9.8')
  const told = [...expositionText(fixture.metrics.snapshot())].join('').split('\n')
  assert.deepEqual(
    told.filter((line) => line.startsWith('tulle_')),
    [
      'tulle_address_lookups_total{outcome="asked"} 3',
      'tulle_address_lookups_total{outcome="known"} 2',
      'tulle_address_misses_total 1',
      'tulle_address_names{state="present"} 2',
      'tulle_address_names{state="absent"} 1',
      'tulle_address_names{state="pending"} 1',
    ],
  )
})
