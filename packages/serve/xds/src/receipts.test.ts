import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { ReceiptBook } from './receipts.ts'
import { addressType, StreamFixture } from './stream-fixture.ts'

/** A node whose stream has its first state. */
function connected(book: ReceiptBook, node: string): StreamFixture {
  const fixture = new StreamFixture()
  book.opened(node, fixture.stream)
  fixture.request(addressType).ack()
  return fixture
}

test('ReceiptBook tells on how many nodes a revision is applied, and how long the slowest took', async () => {
  const clock = new TestClock()
  const book = new ReceiptBook(clock, 0)
  const near = connected(book, 'near')
  const far = connected(book, 'far')
  book.made(1)
  for (const fixture of [near, far]) fixture.change('+w1@1')
  await clock.advance(12)
  near.ack()
  book.progressed('near', near.stream)
  assert.deepEqual(
    { ...book.report(1), nodes: book.report(1).nodes.map((node) => [node.node, node.appliedRevision]) },
    {
      revision: 1,
      answered: false,
      everywhere: false,
      slowestMs: 12,
      nodes: [
        ['far', 0],
        ['near', 1],
      ],
    },
  )
  const waiting = book.applied(1, { signal: new AbortController().signal })
  await clock.advance(30)
  far.ack()
  book.progressed('far', far.stream)
  const report = await waiting
  assert.equal(report.everywhere, true)
  assert.equal(report.slowestMs, 42)
  assert.deepEqual(book.revision(1)?.appliedNodes, 2)
})

test('ReceiptBook does not hold the age of a revision against a node that connects later', async () => {
  const clock = new TestClock()
  const book = new ReceiptBook(clock, 0)
  book.made(1)
  await clock.advance(3_600_000)
  const late = new StreamFixture()
  late.change('+w1@1')
  book.opened('late', late.stream)
  late.request(addressType).ack()
  book.progressed('late', late.stream)
  assert.equal(book.report(1).everywhere, true)
  assert.equal(book.report(1).slowestMs, undefined)
})

test('ReceiptBook.applied() waits for a revision that is not made yet, and ends with its signal', async () => {
  const book = new ReceiptBook(new TestClock(), 0)
  const life = new AbortController()
  const waiting = book.applied(1, { signal: life.signal })
  life.abort(new Error('enough'))
  await assert.rejects(waiting, /enough/u)
  await assert.rejects(book.applied(1, { signal: life.signal }), /enough/u)
})

test('ReceiptBook.applied() resolves when the node that was missing goes', async () => {
  const book = new ReceiptBook(new TestClock(), 0)
  const fixture = connected(book, 'n1')
  book.made(1)
  fixture.change('+w1@1')
  const waiting = book.applied(1, { signal: new AbortController().signal })
  book.closed('n1', fixture.stream)
  assert.deepEqual((await waiting).nodes, [])
  assert.deepEqual(
    book.nodes().map(({ node, connected: is, appliedRevision }) => [node, is, appliedRevision]),
    [['n1', false, 0]],
  )
})

test('ReceiptBook forgets the oldest of more than a thousand nodes that went', () => {
  const book = new ReceiptBook(new TestClock(), 0)
  for (let i = 0; i < 1002; i++) book.closed(`n${i}`, connected(book, `n${i}`).stream)
  const nodes = book.nodes().map(({ node }) => node)
  assert.equal(nodes.length, 1000)
  assert.ok(!nodes.includes('n0') && !nodes.includes('n1') && nodes.includes('n1001'))
})
