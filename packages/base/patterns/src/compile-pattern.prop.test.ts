import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import { Automaton } from './automaton.ts'
import { compilePattern } from './compile-pattern.ts'
import { LazyAutomaton } from './lazy-automaton.ts'
import type { Matcher, PatternSpec } from './matcher.ts'
import { parseProgram } from './program.ts'

/** Characters that texts are made of: what the patterns name, case pairs, K and s with their odd third forms, pairs, halves. */
const characters = [
  ...Array.from('abAB01_- ./kKsS%\nÉéßяЯ\u212a\u017f\u{1f600}\u{10400}\u{10428}'),
  '\ud83d',
  '\ude00',
]

const atoms = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...Array.from('abAB01_k/s'), 'é', 'Я', '\u{1f600}', '\u{10400}') },
  { weight: 3, arbitrary: fc.constantFrom('.', '(?s:.)', '(?i:k)', '(?i:é)', '(?i:s)', '(?i)a') },
  {
    weight: 3,
    arbitrary: fc.constantFrom('[a-b]', '[^a]', '[0-9_]', '[[:alpha:]]', '[^\\n]', '(?i:[j-l])', '[\\d/]'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '\\d',
      '\\w',
      '\\W',
      '\\s',
      '\\S',
      '\\pL',
      '\\PL',
      '\\p{Greek}',
      '\\.',
      '\\Qa.b\\E',
      '\\x41',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('^', '$', '\\b', '\\B', '\\A', '\\z', '(?m:^)', '(?m:$)', ''),
  },
)

const repeats = fc.constantFrom('*', '+', '?', '*?', '+?', '{0}', '{2}', '{1,3}', '{2,}', '{0,2}?', '{3,3}')

const { pattern: patterns } = fc.letrec<{ pattern: string; group: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    atoms,
    tie('group'),
    fc.tuple(tie('group'), tie('group')).map((parts) => parts.join('')),
    fc.array(tie('group'), { maxLength: 4 }).map((parts) => parts.join('')),
    fc.array(tie('group'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|')),
  ),
  group: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    atoms,
    fc.tuple(tie('pattern'), repeats).map(([inner, repeat]) => `(?:${inner})${repeat}`),
    tie('pattern').map((inner) => `(${inner})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('i', 's', 'm', 'U', 'is', '-s'))
      .map(([inner, flags]) => `(?${flags}:${inner})`),
  ),
}))

const texts = fc
  .array(fc.oneof(fc.constantFrom(...characters), fc.constantFrom('a', 'b', '/')), { maxLength: 12 })
  .map((parts) => parts.join(''))

const anchors = fc.constantFrom<PatternSpec['anchor'][]>('full', 'start')

function expected(source: string, anchor: PatternSpec['anchor'], text: string): boolean {
  const reference = RE2JS.compile(source)
  return anchor === 'full' ? reference.testExact(text) : reference.matcher(text).lookingAt()
}

test('compilePattern() answers as RE2 does, whatever the pattern and the text', () => {
  fc.assert(
    fc.property(
      patterns,
      anchors,
      fc.array(texts, { minLength: 1, maxLength: 8 }),
      (source, anchor, samples) => {
        const matcher = must(compilePattern({ source, anchor }))
        for (const text of samples) {
          const says = expected(source, anchor, text)
          assert.equal(
            matcher.test(text),
            says,
            `${anchor} ${JSON.stringify(source)} on ${JSON.stringify(text)}`,
          )
          assert.equal(matcher.decide(text), says)
        }
      },
    ),
    { numRuns: 4000 },
  )
})

test('LazyAutomaton answers the same however little it may remember', () => {
  fc.assert(
    fc.property(
      patterns,
      anchors,
      fc.array(texts, { minLength: 1, maxLength: 4 }),
      (source, anchor, samples) => {
        const make = (maxCacheBytes: number): Matcher =>
          new LazyAutomaton(new Automaton(parseProgram(source), anchor), {
            maxSteps: 1_000_000,
            maxCacheBytes,
          })
        const matchers = [0, 100, 400, 1_000_000].map(make)
        for (const text of samples) {
          const answers = matchers.map((matcher) => matcher.decide(text))
          assert.deepEqual(new Set(answers), new Set([expected(source, anchor, text)]))
        }
      },
    ),
    { numRuns: 1000 },
  )
})
