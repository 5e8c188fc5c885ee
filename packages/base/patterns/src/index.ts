/** Regular expressions that people write, in RE2 syntax, matched in linear time. */
export { compilePattern } from './compile-pattern.ts'
export type { Matcher, PatternSpec } from './matcher.ts'
