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

/** JSON lines: `{"time":"…","level":"info","msg":"…", …}`. */
export function createLog({ level, clock, write }: LogOptions): Log {
  return new JsonLog({ clock, write, threshold: { rank: logLevels.indexOf(level) } }, {})
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
  readonly #fields: LogFields

  constructor(sink: Sink, fields: LogFields) {
    this.#sink = sink
    this.#fields = fields
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
    return new JsonLog(this.#sink, { ...this.#fields, ...fields })
  }

  #line(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (logLevels.indexOf(level) < this.#sink.threshold.rank) return
    const time = new Date(this.#sink.clock.nowMs()).toISOString()
    this.#sink.write(JSON.stringify({ time, level, msg: message, ...this.#fields, ...fields }))
  }
}
