import type { Log, LogFields, LogLevel } from '../log.ts'

type Emit = (level: LogLevel, message: string, fields: LogFields) => void

/** A log whose lines are written by another thread, which also decides on the level. */
export function threadLog(emit: Emit, own: LogFields = {}): Log {
  return {
    debug: (message, fields) => emit('debug', message, { ...own, ...fields }),
    info: (message, fields) => emit('info', message, { ...own, ...fields }),
    warn: (message, fields) => emit('warn', message, { ...own, ...fields }),
    error: (message, fields) => emit('error', message, { ...own, ...fields }),
    child: (fields) => threadLog(emit, { ...own, ...fields }),
    level: 'debug',
  }
}
