import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAuthority, parseAuthority } from './authority.ts'

const read: readonly (readonly [string, string])[] = [
  ['10.0.0.1:80', '10.0.0.1:80'],
  ['[fd00::1]:8080', '[fd00::1]:8080'],
  ['[FD00:0:0::1]:8080', '[fd00::1]:8080'],
  ['[::ffff:10.0.0.1]:80', '10.0.0.1:80'],
  ['books.bookstore.svc.cluster.local:80', 'books.bookstore.svc.cluster.local:80'],
  ['Books.Bookstore:65535', 'books.bookstore:65535'],
  ['_grpc.books:1', '_grpc.books:1'],
  ['1password.example:1', '1password.example:1'],
]

for (const [text, expected] of read) {
  test(`parseAuthority reads ${text}`, () => {
    const result = parseAuthority(text)
    assert.ok(result.ok, result.ok ? '' : result.error)
    assert.equal(formatAuthority(result.value), expected)
  })
}

const refused = [
  '',
  ':80',
  '10.0.0.1',
  '10.0.0.1:',
  '10.0.0.1:0',
  '10.0.0.1:65536',
  '10.0.0.1:080',
  '10.0.0.1:+80',
  '10.0.0.1:80 ',
  '10.0.0.1:80:80',
  '010.0.0.1:80',
  '10.0.0.256:80',
  '10.0.1:80',
  '127.1:80',
  '0x7f.1:80',
  '2130706433:80',
  'fd00::1:80',
  '[10.0.0.1]:80',
  '[fd00::1%eth0]:80',
  '[fd00::1:80',
  'fd00::1]:80',
  '[fd00::1]80',
  '[]:80',
  'user@host:80',
  'host/path:80',
  'a..b:80',
  '.a:80',
  'a.:80',
  '-a:80',
  'a b:80',
  'a\0b:80',
  'ü.example:80',
  `${'a'.repeat(64)}:80`,
  `${'a.'.repeat(127)}aa:80`,
  `${'9'.repeat(100_000)}:80`,
]

for (const text of refused) {
  test(`parseAuthority refuses ${JSON.stringify(text.slice(0, 70))}`, () => {
    assert.equal(parseAuthority(text).ok, false)
  })
}
