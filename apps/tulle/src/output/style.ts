import { styleText } from 'node:util'

/** How to paint text: real colours on a terminal, plain text elsewhere. */
export interface Style {
  readonly color: boolean
  good(text: string): string
  bad(text: string): string
  warn(text: string): string
  dim(text: string): string
  strong(text: string): string
  accent(text: string): string
}

type Paint = Parameters<typeof styleText>[0]

export function createStyle(color: boolean): Style {
  const paint =
    (format: Paint) =>
    (text: string): string =>
      color ? styleText(format, text, { validateStream: false }) : text
  return {
    color,
    good: paint('green'),
    bad: paint('red'),
    warn: paint('yellow'),
    dim: paint('dim'),
    strong: paint('bold'),
    accent: paint('cyan'),
  }
}

/** Colour only where a person looks: a terminal that is not dumb, without NO_COLOR. @see https://no-color.org */
export function wantsColor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false
  if ((env['FORCE_COLOR'] ?? '') !== '' && env['FORCE_COLOR'] !== '0') return true
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}
