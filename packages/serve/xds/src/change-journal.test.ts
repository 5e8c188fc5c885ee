import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangeJournal } from './change-journal.ts'

test('ChangeJournal gives the first change of each resource after a position, with the version before it', () => {
  const journal = new ChangeJournal(10)
  journal.append('a', '1', false)
  const position = journal.end
  journal.append('a', '2', false)
  journal.append('b', undefined, false)
  journal.append('a', '3', false)
  const since = [...(journal.since(position) ?? [])].map(({ name, before }) => [name, before])
  assert.deepEqual(since, [
    ['a', '2'],
    ['b', undefined],
  ])
  assert.deepEqual([...(journal.since(journal.end) ?? [])], [])
})

test('ChangeJournal is not longer than what there is, however often it changes', () => {
  const journal = new ChangeJournal(10)
  for (let i = 0; i < 100_000; i++) journal.append(`w${i % 100}`, `${i}`, false)
  assert.ok(journal.length <= 1024, `${journal.length} entries`)
  assert.equal([...(journal.since(0) ?? [])].length, 100, 'whoever was away all the time hears of each once')
})

test('ChangeJournal forgets the oldest of what went, and says so to whoever has not heard of it', () => {
  const journal = new ChangeJournal(10)
  for (let i = 0; i < 5000; i++) journal.append(`gone${i}`, '1', true)
  assert.ok(journal.length <= 1034, `${journal.length} entries`)
  assert.equal(journal.since(0), undefined)
  assert.deepEqual(
    [...(journal.since(journal.end - 1) ?? [])].map(({ name }) => name),
    ['gone4999'],
  )
})
