import {
  defineOptions,
  durationMs,
  integer,
  logLevels,
  oneOf,
  option,
  path,
  port,
  text,
} from '@tulle/runtime'
import type { LogLevel, Option } from '@tulle/runtime'

export interface WaypointOptions {
  readonly config: string
  readonly workers: number
  readonly maxConnections: number
  readonly requestIdle: number
  readonly adminPort: number
  readonly metricsPort: number
  readonly healthPort: number
  readonly accessLog: string
  readonly drainDeadline: number
  readonly logLevel: LogLevel
}

/** Options of `tulle waypoint --config FILE`. */
export const waypointOptions: { readonly [Name in keyof WaypointOptions]: Option<WaypointOptions[Name]> } =
  defineOptions({
    config: option(path, {
      doc: 'Listeners, rules and clusters; see waypoint-file.md.',
      placeholder: 'FILE',
    }),
    workers: option(integer(1, 64), { default: '2', doc: 'Threads of the data path.', placeholder: 'N' }),
    maxConnections: option(integer(1, 1_000_000), {
      default: '16384',
      doc: 'Connections of clients, on each of --workers; more are closed at once.',
      placeholder: 'N',
    }),
    requestIdle: option(durationMs, {
      default: '5m',
      doc: 'A request on which nothing moves for so long is given up.',
      placeholder: 'TIME',
    }),
    adminPort: option(port, {
      default: '15000',
      doc: 'Admin port on loopback; 0 for none.',
      placeholder: 'PORT',
    }),
    metricsPort: option(port, {
      default: '15020',
      doc: 'Port of /metrics; 0 for none.',
      placeholder: 'PORT',
    }),
    healthPort: option(port, {
      default: '15021',
      doc: 'Port of /healthz/ready; 0 for none.',
      placeholder: 'PORT',
    }),
    accessLog: option(text, {
      default: '-',
      doc: 'Where access log lines go: a file, - for standard output, none.',
      placeholder: 'FILE',
    }),
    drainDeadline: option(durationMs, {
      default: '5s',
      doc: 'How long requests may finish after SIGTERM.',
      placeholder: 'TIME',
    }),
    logLevel: option(oneOf(logLevels), {
      default: 'info',
      doc: 'Least level of log lines.',
      placeholder: 'LEVEL',
    }),
  })
