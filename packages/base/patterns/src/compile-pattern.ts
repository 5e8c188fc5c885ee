import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { RE2JS } from 're2js'
import type { Matcher, PatternSpec } from './matcher.ts'

/** A matcher for a pattern, or what is wrong with the pattern. */
export function compilePattern(pattern: PatternSpec): Result<Matcher> {
  try {
    const expression = RE2JS.compile(pattern.source)
    const test =
      pattern.anchor === 'full'
        ? (text: string) => expression.testExact(text)
        : (text: string) => expression.matcher(text).lookingAt()
    return ok({ test, decide: test })
  } catch (error) {
    return err(error instanceof Error ? error.message : 'unreadable')
  }
}
