import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitServiceName } from './split-service-name.ts'

const names: readonly (readonly [string, string | undefined])[] = [
  ['books', 'books'],
  ['books.shop', 'books'],
  ['books.shop.svc', 'books'],
  ['books.shop.svc.cluster.local', 'books'],
  ['books.shop.svc.example.org', 'books'],
  ['books.bank', undefined],
  ['books.bank.svc.cluster.local', undefined],
  ['books.shop.example.com', undefined],
  ['www.example.com', undefined],
]

for (const [text, expected] of names) {
  test(`splitServiceName(${text}) in namespace shop is ${expected ?? 'refused'}`, () => {
    const name = splitServiceName(text, 'shop')
    assert.equal(name.ok ? name.value : undefined, expected)
  })
}
