import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { Automaton } from './automaton.ts'
import { compilePattern } from './compile-pattern.ts'
import { LazyAutomaton } from './lazy-automaton.ts'
import { matchLimits, maxPatternLength } from './limits.ts'
import type { PatternSpec } from './matcher.ts'
import { patternFault } from './pattern-fault.ts'
import { parseProgram } from './program.ts'
import { literalHead, shapeMatcher } from './text-shape.ts'

type Anchor = PatternSpec['anchor']

/** Pattern, anchor, what matches, what does not; the first character says whether strings alone decide (=) or states (~). */
const answers: readonly (readonly [string, Anchor, readonly string[], readonly string[]])[] = [
  ['= /books', 'full', ['/books'], ['/books/', '/book', '']],
  ['= /books', 'start', ['/books', '/books/1', '/bookstore'], ['/book', '/v1/books', '']],
  ['= ^/books$', 'start', ['/books'], ['/books/', '/books\n']],
  ['= /books/.*', 'full', ['/books/', '/books/1/2'], ['/books', '/books/\n']],
  [String.raw`= .*\.png`, 'full', ['.png', '/a/b.png'], ['/a.png/', '/a\n.png', '/apng']],
  ['= ab.*ba', 'full', ['abba', 'abxba'], ['aba', 'ab\nba', 'ab']],
  ['= (?s)ab(.*)ba', 'full', ['abba', 'ab\nba'], ['aba']],
  ['= ', 'full', [''], ['a', '\n']],
  ['= ', 'start', ['', 'a'], []],
  ['= .*', 'start', ['', 'a', '\n'], []],
  ['~ /v[0-9]+/.*', 'full', ['/v1/', '/v22/a'], ['/v/', '/v1']],
  ['~ (?i)/books', 'full', ['/Books', '/boo\u212as'], ['/book']],
  ['~ (GET|POST)', 'full', ['GET', 'POST'], ['GETPOST', '']],
  [String.raw`~ \x{D83D}`, 'start', ['\ud83d', '\ud83d!'], ['\u{1f600}']],
  [String.raw`~ .*\bbooks\b.*`, 'full', ['/books/', 'books'], ['/bookshop', 'xbooks']],
  ['~ (?m)^b$', 'full', ['b'], ['b\n', '\nb']],
]

for (const [written, anchor, yes, no] of answers) {
  const source = written.slice(2)
  test(`compilePattern() matches ${JSON.stringify(source)} (${anchor}) as it says`, () => {
    const matcher = must(compilePattern({ source, anchor }))
    for (const text of yes) assert.equal(matcher.test(text), true, JSON.stringify(text))
    for (const text of no) assert.equal(matcher.test(text), false, JSON.stringify(text))
    assert.equal(shapeMatcher(parseProgram(source), anchor) !== undefined, written.startsWith('='))
  })
}

const heads: readonly (readonly [pattern: string, head: string])[] = [
  ['/v[0-9]+/books', '/v'],
  ['^/books/[^/]+$', '/books/'],
  ['(?i)/books', '/'],
  ['ab?', 'a'],
  ['a+b', 'a'],
  ['(GET|POST)', ''],
  ['[ab]c', ''],
  [String.raw`\x{D83D}.`, ''],
  ['', ''],
]

for (const [source, head] of heads) {
  test(`literalHead() of ${JSON.stringify(source)} is ${JSON.stringify(head)}`, () => {
    assert.equal(literalHead(parseProgram(source)), head)
  })
}

const hostile: readonly (readonly [name: string, pattern: string, text: string])[] = [
  ['a nested loop', '(a+)+$', 'a'.repeat(1_000_000) + '!'],
  ['loops three deep', '(((a*)*)*)*b', 'a'.repeat(1_000_000)],
  ['as many states as texts', '(a|b)*a(a|b){500}', noise(1_000_000, 'ab')],
  ['counted repeats', '(.*a){20}.{1000}b', noise(1_000_000, 'ab')],
  ['many loops', '.*a'.repeat(300), noise(1_000_000, 'ab')],
  ['options', `${'a?'.repeat(500)}${'a'.repeat(12)}`, 'a'.repeat(1_000_000)],
  ['classes', String.raw`(\pL|\pN)*\pZ{50}`, noise(1_000_000, ['é', 'x', '\u{1f600}', '9'])],
  ['boundaries', String.raw`(\b\w+\b ?)*x`, noise(1_000_000, 'ab ')],
]

/** Repeatable text that no short cycle describes. */
function noise(length: number, alphabet: ArrayLike<string>): string {
  let state = 1
  const units: string[] = []
  for (let count = 0; count < length; count++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    units.push(alphabet[(state >>> 16) % alphabet.length] ?? '')
  }
  return units.join('')
}

for (const [name, source, text] of hostile) {
  for (const anchor of ['full', 'start'] as const) {
    test(`case 38: a hostile pattern (${name}, ${anchor}) on a megabyte takes a bounded number of steps and bytes`, () => {
      const matcher = new LazyAutomaton(new Automaton(parseProgram(source), anchor), matchLimits)
      for (let round = 0; round < 3; round++) {
        matcher.decide(text)
        // One transition may overdraw: it looks at each instruction a few times.
        assert.ok(matcher.lastSteps <= matchLimits.maxSteps + 10 * 4096, `${matcher.lastSteps} steps`)
        assert.ok(matcher.cacheBytes <= matchLimits.maxCacheBytes, `${matcher.cacheBytes} bytes`)
      }
    })
  }
}

test('case 38: a text that takes too many steps has no answer, and counts as no match', () => {
  const matcher = must(compilePattern({ source: '(a|b)*a(a|b){500}', anchor: 'full' }))
  const text = noise(1_000_000, 'ab')
  assert.equal(matcher.decide(text), undefined)
  assert.equal(matcher.test(text), false)
  assert.equal(matcher.decide(`a${'b'.repeat(500)}`), true)
})

test('case 38: LazyAutomaton takes one step a character where it knows the way', () => {
  const matcher = new LazyAutomaton(new Automaton(parseProgram('/v[0-9]+/.*'), 'full'), matchLimits)
  matcher.decide('/v12/abc')
  matcher.decide('/v34/xyz')
  assert.equal(matcher.lastSteps, 8)
})

test('case 38: LazyAutomaton gives up on a text that alone is longer than its steps', () => {
  const matcher = new LazyAutomaton(new Automaton(parseProgram('a*b'), 'full'), {
    ...matchLimits,
    maxSteps: 100,
  })
  assert.equal(matcher.decide('a'.repeat(101)), undefined)
  assert.equal(matcher.decide('a'.repeat(60)), false)
})

const faults: readonly (readonly [pattern: string, says: RegExp])[] = [
  ['(?=a)', /RE2 has no look-around/u],
  ['(?<!a)b', /RE2/u],
  [String.raw`(a)\1`, /RE2 has no back-references/u],
  ['*', /write "\.\*" for anything/u],
  ['(', /missing closing/u],
  ['a{1001}', /invalid repeat count/u],
  ['a'.repeat(10_000), /of 10000 characters; expected at most 1024/u],
  ['.{1000}'.repeat(100), /unfolds to about 100000 steps/u],
  ['((a{30}){30}){30}', /unfolds to about 27000 steps/u],
  ['([a-z]{1000}|[0-9]{1000}x){1}.{1000}.{1000}.{999}', /unfolds to \d+ steps/u],
]

for (const [source, says] of faults) {
  test(`case 38: patternFault() says what is wrong with ${JSON.stringify(source.slice(0, 30))}`, () => {
    assert.match(patternFault(source) ?? '', says)
    const result = compilePattern({ source, anchor: 'full' })
    assert.equal(result.ok, false)
  })
}

const sound = [
  '',
  '/api/.*',
  '^[a-z]+$',
  '(a+)+$',
  '(?i)books',
  '(a|b|c|d|e|f){1000}',
  'x'.repeat(maxPatternLength),
]
for (const source of sound) {
  test(`patternFault() finds ${JSON.stringify(source.slice(0, 30))} sound`, () => {
    assert.equal(patternFault(source), undefined)
  })
}
