import type { Clock } from '@tulle/core'
import type { Style } from '../output/style.ts'

/** Where `tulle up` says what happens: one line an event, who it is about in front. */
export interface Console {
  say(who: string, text: string): void
  warn(who: string, text: string): void
  /** A line as it is: the headline, a table. */
  plain(text: string): void
}

export interface ConsoleOptions {
  readonly style: Style
  readonly clock: Clock
  readonly write: (text: string) => void
}

const whoWidth = 12

export function createConsole({ style, clock, write }: ConsoleOptions): Console {
  const line = (who: string, text: string): void => {
    const time = new Date(clock.nowMs()).toISOString().slice(11, 19)
    write(`${style.dim(time)} ${style.accent(who.padEnd(whoWidth))} ${text}\n`)
  }
  return {
    say: line,
    warn: (who, text) => line(who, style.warn(text)),
    plain: (text) => write(`${text}\n`),
  }
}

/** The fields of a role's log line that every line has. */
const ownFields = new Set(['time', 'level', 'msg', 'role', 'part'])

/** A JSON log line of the role called `name` as a person reads it; undefined for lines below `info` and for what is no log line. */
export function humanLogLine(
  line: string,
  name: string,
): { readonly level: string; readonly text: string } | undefined {
  let entry: Record<string, unknown>
  try {
    entry = JSON.parse(line) as Record<string, unknown>
  } catch {
    // A crash report or a library's own line: shown as it is.
    return { level: 'warn', text: line }
  }
  const level = typeof entry['level'] === 'string' ? entry['level'] : 'info'
  if (level === 'debug') return undefined
  const fields = Object.entries(entry)
    .filter(([key, value]) => !ownFields.has(key) && value !== name)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return { level, text: [typeof entry['msg'] === 'string' ? entry['msg'] : '', ...fields].join('  ') }
}
