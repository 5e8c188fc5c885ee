/** Regular expressions that people write, in RE2 syntax, matched in linear time: never by the engine of the runtime. */
export { compilePattern } from './compile-pattern.ts'
export { maxPatternLength, maxPatternProgram } from './limits.ts'
export type { Matcher, PatternSpec } from './matcher.ts'
export { patternFault } from './pattern-fault.ts'
