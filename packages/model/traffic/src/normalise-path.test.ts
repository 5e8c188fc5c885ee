import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalisePath } from './normalise-path.ts'

/** What is sent, and what everybody reads. */
const readings: readonly (readonly [sent: string, read: string])[] = [
  ['/', '/'],
  ['/a/b', '/a/b'],
  ['/a/b/', '/a/b/'],
  // Dot segments (RFC 3986 §5.2.4), plain and encoded.
  ['/admin/../x', '/x'],
  ['/a/./b', '/a/b'],
  ['/a/b/.', '/a/b/'],
  ['/a/b/..', '/a/'],
  ['/a/..', '/'],
  ['/..', '/'],
  ['/../../x', '/x'],
  ['/%2e%2e/x', '/x'],
  ['/a/%2E./b', '/b'],
  ['/a/.%2e/b', '/b'],
  ['/a/%2e/b', '/a/b'],
  ['/...', '/...'],
  ['/.well-known/x', '/.well-known/x'],
  ['/a/..b', '/a/..b'],
  // Slashes.
  ['//admin', '/admin'],
  ['/a//b///c//', '/a/b/c/'],
  ['/a//../b', '/b'],
  ['//', '/'],
  ['//evil.example/x', '/evil.example/x'],
  // Unreserved characters are decoded (§6.2.2.2), other escapes are in capitals (§6.2.2.1).
  ['/%61dmin', '/admin'],
  ['/%7euser/%5f-%2e', '/~user/_-.'],
  ['/a%3ab%3a', '/a%3Ab%3A'],
  ['/%c3%a9', '/%C3%A9'],
  ['/a%20b', '/a%20b'],
  ['/%252e%252e/x', '/%252e%252e/x'],
  // One spelling of what no URI may hold.
  ['/a|b[1]{2}^"<>`', '/a%7Cb%5B1%5D%7B2%7D%5E%22%3C%3E%60'],
  // Parameters are part of their segment.
  ['/admin;a=b', '/admin;a=b'],
  ["/!$&'()*+,;=:@", "/!$&'()*+,;=:@"],
]

for (const [sent, read] of readings) {
  test(`case 10: normalisePath() reads ${sent} as ${read}`, () => {
    assert.deepEqual(normalisePath(sent), { ok: true, path: read, query: '', target: read })
    assert.deepEqual(normalisePath(`${sent}?a=%2F..%2f&b//`), {
      ok: true,
      path: read,
      query: 'a=%2F..%2f&b//',
      target: `${read}?a=%2F..%2f&b//`,
    })
  })
}

const refusals: readonly (readonly [sent: string, because: RegExp])[] = [
  ['/admin%2Fx', /an encoded slash/u],
  ['/admin%2fx', /an encoded slash/u],
  ['/..%2fadmin', /an encoded slash/u],
  ['/a\\b', /a backslash/u],
  ['/..\\admin', /a backslash/u],
  ['/a%5Cb', /an encoded backslash/u],
  ['/a%5cb', /an encoded backslash/u],
  ['/a%00', /an encoded NUL/u],
  ['/a\0', /a NUL/u],
  ['/a%0d%0ab', /an encoded control byte/u],
  ['/a%7F', /an encoded control byte/u],
  ['/a\tb', /a control byte/u],
  ['/a\u007f', /a control byte/u],
  ['/a b', /a space/u],
  ['/a%', /without two hexadecimal digits/u],
  ['/a%4', /without two hexadecimal digits/u],
  ['/a%zz', /without two hexadecimal digits/u],
  ['/a%u002f', /without two hexadecimal digits/u],
  ['/a%+1', /without two hexadecimal digits/u],
  // A slash, a dot, and a NUL in more bytes than they need (RFC 3629 §3).
  ['/a%c0%afb', /overlong UTF-8/u],
  ['/%C0%AE%C0%AE/x', /overlong UTF-8/u],
  ['/%e0%80%af', /overlong UTF-8/u],
  ['/%F0%80%80%AF', /overlong UTF-8/u],
  ['/%F8%80%80%80%AF', /overlong UTF-8/u],
  ['/%FC%80%80%80%80%AF', /overlong UTF-8/u],
  ['/é', /beyond ASCII/u],
  ['/\ud800', /beyond ASCII/u],
  // What is left of these after servers cut off the parameter are dot segments.
  ['/public/..;/admin', /a dot segment with a parameter/u],
  ['/public/..;a=b/admin', /a dot segment with a parameter/u],
  ['/public/.;/admin', /a dot segment with a parameter/u],
  ['/public/%2e%2e;/admin', /a dot segment with a parameter/u],
  ['/public/..%3b/admin', /a dot segment with a parameter/u],
  ['/public/..;', /a dot segment with a parameter/u],
  ['', /does not begin with a slash/u],
  ['admin', /does not begin with a slash/u],
  ['*', /does not begin with a slash/u],
  ['http://a.example/', /does not begin with a slash/u],
]

for (const [sent, because] of refusals) {
  test(`case 10: normalisePath() refuses ${JSON.stringify(sent)}`, () => {
    for (const target of [sent, `${sent}?q`]) {
      const result = normalisePath(target)
      assert.equal(result.ok, false)
      assert.match(result.ok ? '' : result.reason, because)
    }
  })
}

const fragments = ['/admin#x', '/#', '/a?b#c', '/a%23?b#c', '/a/../b#c']
for (const sent of fragments) {
  test(`case 11: normalisePath() refuses the fragment of ${sent}`, () => {
    const result = normalisePath(sent)
    assert.match(result.ok ? '' : result.reason, /a fragment/u)
  })
}

test('case 11: normalisePath() keeps an empty query for the backend, and reads the path without it', () => {
  assert.deepEqual(normalisePath('/admin?'), { ok: true, path: '/admin', query: '', target: '/admin?' })
  assert.deepEqual(normalisePath('/a/../admin?'), { ok: true, path: '/admin', query: '', target: '/admin?' })
  assert.deepEqual(normalisePath('/a?b?c'), { ok: true, path: '/a', query: 'b?c', target: '/a?b?c' })
})

for (const query of ['a b', 'a\r\nb', 'a\0', '\u007f', '\u00e9']) {
  test(`case 11: normalisePath() refuses the query ${JSON.stringify(query)}`, () => {
    assert.equal(normalisePath(`/a?${query}`).ok, false)
    assert.equal(normalisePath(`/a/../b?${query}`).ok, false)
  })
}
