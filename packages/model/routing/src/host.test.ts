import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readHost } from './host.ts'

const hosts: readonly (readonly [authority: string, host: string | undefined])[] = [
  ['books', 'books'],
  ['BOOKS.shop.', 'books.shop'],
  ['books:8080', 'books'],
  ['books_1~a-b', 'books_1~a-b'],
  ['[2001:DB8::1]:80', '[2001:db8::1]'],
  ['', undefined],
  ['.', undefined],
  ['books..', undefined],
  ['books..shop', undefined],
  ['.books', undefined],
  ['books:', undefined],
  ['books:65536', undefined],
  ['books:8080:80', undefined],
  ['a@books', undefined],
  ['b%6Foks', undefined],
  ['books,admin', undefined],
  ["books'", undefined],
  ['bo oks', undefined],
  ['books/x', undefined],
  ['[2001:db8::1', undefined],
  ['a'.repeat(256), undefined],
]

for (const [authority, host] of hosts)
  test(`readHost(${JSON.stringify(authority)})`, () => assert.equal(readHost(authority), host))
