import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normalisePath } from './normalise-path.ts'

/** Pieces that readers disagree on, and plain ones between them. */
const pieces = fc.constantFrom(
  ...'/ / / // . .. %2e %2E .%2e % %2f %5C \\ ; %3b ;a=b a B ~ %7e %41 %25 %252e %c3%a9 %c0%af | %7C ? # %00 é'.split(
    ' ',
  ),
  ' ',
)
const targets = fc.oneof(
  fc.array(pieces, { maxLength: 14 }).map((parts) => `/${parts.join('')}`),
  fc.string({ unit: 'binary-ascii', maxLength: 20 }).map((text) => `/${text}`),
)

test('case 10: normalisePath() of what it gave changes nothing more', () => {
  fc.assert(
    fc.property(targets, (target) => {
      const once = normalisePath(target)
      fc.pre(once.ok)
      if (once.ok) assert.deepEqual(normalisePath(once.target), once)
    }),
    { numRuns: 20_000 },
  )
})

/**
 * Servers differ in what they decode, merge, cut off and resolve, and in what order. Each of these is one that exists in
 * the field. What we forward must mean the same to all of them as it does to our policy.
 */
const servers: Readonly<Record<string, (path: string) => string>> = {
  'takes it as it is': (path) => path,
  'resolves dots as RFC 3986 §5.2.4 says': (path) => new URL(`http://a${path}`).pathname,
  'merges slashes, then resolves dots': (path) => resolveDots(path.replaceAll(/\/{2,}/gu, '/')),
  'resolves dots, then merges slashes': (path) => resolveDots(path).replaceAll(/\/{2,}/gu, '/'),
  'takes backslashes for slashes': (path) => resolveDots(path.replaceAll('\\', '/')),
  'decodes unreserved characters, then resolves dots': (path) => resolveDots(decodeUnreserved(path)),
  'decodes slashes and dots, then resolves': (path) =>
    resolveDots(path.replaceAll(/%2f/giu, '/').replaceAll(/%5c/giu, '/').replaceAll(/%2e/giu, '.')),
  'cuts parameters off the dots, then resolves': (path) =>
    resolveDots(path.replaceAll(/\/(\.{1,2})(?:;|%3b)[^/]*/giu, '/$1')),
  'ends at NUL': (path) => path.split(/%00|\0/u, 1)[0] ?? '',
  'ends at a fragment': (path) => path.split('#', 1)[0] ?? '',
  'reads overlong UTF-8': (path) =>
    resolveDots(path.replaceAll(/%c0%af/giu, '/').replaceAll(/%c0%ae/giu, '.')),
  'writes escapes in capitals': (path) =>
    path.replaceAll(/%[0-9a-f]{2}/giu, (escape) => escape.toUpperCase()),
}

function resolveDots(path: string): string {
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (isLast && (segment === '.' || segment === '..')) kept.push('')
  }
  return `/${kept.join('/')}`
}

function decodeUnreserved(path: string): string {
  return path.replaceAll(/%([0-9a-f]{2})/giu, (escape, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16))
    return /[A-Za-z0-9._~-]/u.test(character) ? character : escape
  })
}

for (const [behaviour, read] of Object.entries(servers)) {
  test(`case 10: a server that ${behaviour} reads the path that policy read`, () => {
    fc.assert(
      fc.property(targets, (target) => {
        const result = normalisePath(target)
        fc.pre(result.ok)
        if (!result.ok) return
        const [forwarded = ''] = result.target.split('?', 1)
        assert.equal(forwarded, result.path)
        assert.equal(read(forwarded), result.path)
      }),
      { numRuns: 3000 },
    )
  })
}
