import { ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { Automaton } from './automaton.ts'
import { LazyAutomaton } from './lazy-automaton.ts'
import { matchLimits } from './limits.ts'
import type { Matcher, PatternSpec } from './matcher.ts'
import { checkedProgram } from './pattern-fault.ts'
import { shapeMatcher } from './text-shape.ts'

/** A matcher for a pattern, or what is wrong with the pattern. It answers as RE2 does. */
export function compilePattern({ source, anchor }: PatternSpec): Result<Matcher> {
  const program = checkedProgram(source)
  if (!program.ok) return program
  return ok(
    shapeMatcher(program.value, anchor) ??
      new LazyAutomaton(new Automaton(program.value, anchor), matchLimits),
  )
}
