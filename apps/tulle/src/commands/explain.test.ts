import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitTarget } from './explain.ts'

for (const [target, to, port] of [
  ['bookstore/books:8080', 'bookstore/books', 8080],
  ['books', 'books', undefined],
  ['10.77.1.2:80', '10.77.1.2', 80],
  ['fd00::1', 'fd00::1', undefined],
  ['tulle//Workload/a/b', 'tulle//Workload/a/b', undefined],
] as const) {
  test(`splitTarget(${target}) is ${to} and ${port ?? 'no port'}`, () =>
    assert.deepEqual(splitTarget(target), { to, port }))
}
