import { RE2JS } from 're2js'
import { maxRegexLength, maxRegexProgram } from './limits.ts'

/**
 * What is wrong with a regular expression that a user wrote; undefined where it is sound. RE2 alone matches in linear
 * time, so look-around and back-references can't be had. @see https://github.com/google/re2/wiki/Syntax
 */
export function regexFault(pattern: string): string | undefined {
  if (pattern.length > maxRegexLength) {
    return `a regular expression of ${pattern.length} characters; expected at most ${maxRegexLength}`
  }
  try {
    const size = RE2JS.compile(pattern).programSize()
    if (size <= maxRegexProgram) return undefined
    return `a regular expression that unfolds to ${size} steps; expected at most ${maxRegexProgram}: use smaller repeat counts`
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^error parsing regexp: /u, '') : 'unreadable'
    return `expected a regular expression in RE2 syntax, found ${JSON.stringify(shorten(pattern))}: ${reason}${hintOf(reason)}`
  }
}

function hintOf(reason: string): string {
  if (/\(\?[=!<]/u.test(reason)) return ' (RE2 has no look-around)'
  if (/escape sequence: `\\[1-9]/u.test(reason)) return ' (RE2 has no back-references)'
  return reason.startsWith('missing argument to repetition') ? ' (write ".*" for anything)' : ''
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
