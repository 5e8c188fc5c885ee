import { must } from '@tulle/core'
import { compilePattern } from '@tulle/patterns'
import { RE2JS } from 're2js'
import type { Work } from './micro-bench.ts'

const texts = ['/v1/books/123/reviews', '/v1/books/9/reviews', '/v2/users/ada', '/static/app.9f3a.png']

const patterns: readonly (readonly [name: string, source: string])[] = [
  ['literal', '/v1/books/123/reviews'],
  ['prefix', '/v1/.*'],
  ['segments', '/v[0-9]+/books/[^/]+/reviews'],
  ['alternatives', '/(v1|v2)/(books|users)/.*'],
  ['any case', '(?i)/V1/BOOKS/.*'],
]

/** Whole texts, anchored at both ends, four in turn. */
export function patternWorks(): readonly Work[] {
  return patterns.flatMap(([name, source]) => {
    const ours = must(compilePattern({ source, anchor: 'full' }))
    const reference = RE2JS.compile(source)
    const native = new RegExp(`^(?:${source.replace('(?i)', '')})$`, source.startsWith('(?i)') ? 'iu' : 'u')
    return [
      matching(`pattern ${name}: ours`, (text) => ours.test(text)),
      matching(`pattern ${name}: re2js`, (text) => reference.testExact(text)),
      matching(`pattern ${name}: V8 (backtracks)`, (text) => native.test(text)),
    ]
  })
}

function matching(name: string, test: (text: string) => boolean): Work {
  return {
    name,
    step(count) {
      let found = 0
      for (let index = 0; index < count; index++) if (test(texts[index & 3] ?? '')) found++
      return found
    },
  }
}

const megabyte = 1_000_000

function noise(alphabet: string): string {
  let state = 1
  let text = ''
  for (let count = 0; count < megabyte; count++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    text += alphabet[(state >>> 16) % alphabet.length] ?? ''
  }
  return text
}

const hostile: readonly (readonly [name: string, source: string, alphabet: string])[] = [
  ['(a+)+$', '(a+)+$', 'a'],
  ['(a|b)*a(a|b){500}', '(a|b)*a(a|b){500}', 'ab'],
  ['(.*a){20}.{1000}b', '(.*a){20}.{1000}b', 'ab'],
  ['.*a, 300 times', '.*a'.repeat(300), 'ab'],
  [String.raw`(\b\w+\b ?)*x`, String.raw`(\b\w+\b ?)*x`, 'ab '],
]

/** Compiles afresh, so that the first time is the first time. */
export function hostileWorks(): readonly {
  readonly name: string
  readonly prepare: () => (count: number) => number
}[] {
  const refused = {
    name: '10 000 characters, refused',
    prepare: () => () => (compilePattern({ source: '(a|b)*'.repeat(1667), anchor: 'full' }).ok ? 1 : 0),
  }
  return [
    ...hostile.map(([name, source, alphabet]) => ({
      name,
      prepare() {
        const text = noise(alphabet)
        const matcher = must(compilePattern({ source, anchor: 'full' }))
        return () => (matcher.decide(text) === true ? 1 : 0)
      },
    })),
    refused,
    ...[`.{1000}`.repeat(16), String.raw`(?i)[\pL\pN]`.repeat(85), '(x+x+)+'.repeat(146)].map((source) => ({
      name: `compiling ${source.slice(0, 12)}… of ${source.length} characters`,
      prepare: () => () => (compilePattern({ source, anchor: 'full' }).ok ? 1 : 0),
    })),
  ]
}
