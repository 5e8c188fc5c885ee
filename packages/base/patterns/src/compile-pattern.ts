import { ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { Automaton } from './automaton.ts'
import { LazyAutomaton } from './lazy-automaton.ts'
import { matchLimits } from './limits.ts'
import type { Matcher, PatternSpec } from './matcher.ts'
import { checkedProgram } from './pattern-fault.ts'
import { literalHead, shapeMatcher } from './text-shape.ts'

/** A matcher for a pattern, or what is wrong with the pattern. It answers as RE2 does. */
export function compilePattern({ source, anchor }: PatternSpec): Result<Matcher> {
  const program = checkedProgram(source)
  if (!program.ok) return program
  const shape = shapeMatcher(program.value, anchor)
  if (shape !== undefined) return ok(shape)
  const automaton = new LazyAutomaton(new Automaton(program.value, anchor), matchLimits)
  const head = literalHead(program.value)
  return ok(head === '' ? automaton : headedMatcher(head, automaton))
}

/** Of a thousand routes most are told apart by how their paths begin, which costs a tenth of what an automaton does. */
function headedMatcher(head: string, matcher: Matcher): Matcher {
  return {
    test: (text) => text.startsWith(head) && matcher.test(text),
    decide: (text) => (text.startsWith(head) ? matcher.decide(text) : false),
  }
}
