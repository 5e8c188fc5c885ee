import { maxPatternLength, maxPatternProgram } from './limits.ts'
import { parseProgram } from './program.ts'
import type { Program } from './program.ts'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { unfoldedSize } from './unfolded-size.ts'

/** An estimate may be above the truth (alternatives of single characters become one class), so it refuses later. */
const estimateSlack = 4

/**
 * What is wrong with a regular expression that a user wrote; undefined where it is sound. RE2 alone matches in linear
 * time, so look-around and back-references can't be had. @see https://github.com/google/re2/wiki/Syntax
 */
export function patternFault(source: string): string | undefined {
  const program = checkedProgram(source)
  return program.ok ? undefined : program.error
}

/** The program of a sound pattern. Takes a bounded time, whatever the pattern. */
export function checkedProgram(source: string): Result<Program> {
  if (source.length > maxPatternLength) {
    return err(`a regular expression of ${source.length} characters; expected at most ${maxPatternLength}`)
  }
  const estimate = unfoldedSize(source)
  if (estimate > maxPatternProgram * estimateSlack) return err(tooLarge(`about ${estimate}`))
  try {
    const program = parseProgram(source)
    const size = program.ops.length
    return size <= maxPatternProgram ? ok(program) : err(tooLarge(`${size}`))
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^error parsing regexp: /u, '') : 'unreadable'
    return err(
      `expected a regular expression in RE2 syntax, found ${JSON.stringify(shorten(source))}: ${reason}${hintOf(reason)}`,
    )
  }
}

function tooLarge(size: string): string {
  return `a regular expression that unfolds to ${size} steps; expected at most ${maxPatternProgram}: use smaller repeat counts`
}

function hintOf(reason: string): string {
  if (/\(\?[=!<]/u.test(reason)) return ' (RE2 has no look-around)'
  if (/escape sequence: `\\[1-9]/u.test(reason)) return ' (RE2 has no back-references)'
  return reason.startsWith('missing argument to repetition') ? ' (write ".*" for anything)' : ''
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
