import type { Style } from '../output/style.ts'

/** What the demo prints: a heading a step, what happened below it, and whether that is what should happen. */
export interface Report {
  heading(text: string): void
  line(text: string): void
  /** A fact that must hold; with `--once` one that does not makes the exit code 1. */
  check(text: string, holds: boolean): void
  readonly failed: readonly string[]
}

export interface ReportOptions {
  readonly style: Style
  readonly print: (text: string) => void
}

/** Readable on the narrowest usual terminal. */
export const columns = 80

export function createReport({ style, print }: ReportOptions): Report {
  const failed: string[] = []
  let step = 0
  return {
    failed,
    heading: (text) => print(`\n${style.strong(`${++step}. ${text}`)}`),
    line: (text) => print(`   ${text}`),
    check: (text, holds) => {
      if (!holds) failed.push(text)
      print(`   ${holds ? style.good('√') : style.bad('× not so:')} ${text}`)
    },
  }
}
