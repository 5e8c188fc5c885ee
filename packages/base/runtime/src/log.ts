import type { Clock } from '@tulle/core'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** Facts with stable keys. A message never contains a value that has a key. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log with fields that every line of it has. */
  child(fields: LogFields): Log
  /** Shared by a log and its children; set it at run time. */
  level: LogLevel
}

export interface LogOptions {
  readonly level: LogLevel
  readonly clock: Clock
  /** Takes one line, without its newline. */
  readonly write: (line: string) => void
}

/**
 * JSON lines: `{"time":"…","level":"info","msg":"…", …}`. A field may hold whatever a peer sent: it can neither end the
 * line, nor stand in for the line's own keys, nor make the line long.
 */
export function createLog({ level, clock, write }: LogOptions): Log {
  return new JsonLog({ clock, write, threshold: { rank: logLevels.indexOf(level) } }, '')
}

/** For tests and for parts that have nothing to say. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
  get level(): LogLevel {
    return 'error'
  },
  set level(_level: LogLevel) {
    // Nothing is written at any level.
  },
}

interface Sink {
  readonly clock: Clock
  readonly write: (line: string) => void
  readonly threshold: { rank: number }
}

class JsonLog implements Log {
  readonly #sink: Sink
  /** The fields of every line, already encoded: `,"a":1,"b":2`. */
  readonly #suffix: string

  constructor(sink: Sink, suffix: string) {
    this.#sink = sink
    this.#suffix = suffix
  }

  get level(): LogLevel {
    return logLevels[this.#sink.threshold.rank] ?? 'info'
  }

  set level(level: LogLevel) {
    this.#sink.threshold.rank = logLevels.indexOf(level)
  }

  debug(message: string, fields?: LogFields): void {
    this.#line('debug', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.#line('info', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.#line('warn', message, fields)
  }

  error(message: string, fields?: LogFields): void {
    this.#line('error', message, fields)
  }

  child(fields: LogFields): Log {
    return new JsonLog(this.#sink, this.#suffix + encodeFields(fields))
  }

  #line(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (logLevels.indexOf(level) < this.#sink.threshold.rank) return
    const time = new Date(this.#sink.clock.nowMs()).toISOString()
    const rest = fields === undefined ? this.#suffix : this.#suffix + encodeFields(fields)
    this.#sink.write(`{"time":"${time}","level":"${level}","msg":${encodeText(message)}${rest}}`)
  }
}

const maxTextLength = 4096
const maxListLength = 100

function encodeFields(fields: LogFields): string {
  let encoded = ''
  for (const key of Object.keys(fields)) {
    const value = fields[key]
    if (value !== undefined) encoded += `,${encodeText(fieldKey(key))}:${encodeValue(value)}`
  }
  return encoded
}

/** No field stands in for the line's own keys. */
function fieldKey(key: string): string {
  return key === 'time' || key === 'level' || key === 'msg' ? `field.${key}` : key
}

function encodeValue(value: NonNullable<LogFields[string]>): string {
  if (typeof value === 'string') return encodeText(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`
  if (typeof value === 'boolean') return String(value)
  return `[${value.slice(0, maxListLength).map(encodeText).join(',')}]`
}

function encodeText(text: string): string {
  return JSON.stringify(text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}…`)
}
