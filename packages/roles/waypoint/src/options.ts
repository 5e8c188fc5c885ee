import { defineOptions, durationMs, integer, option, path, port } from '@tulle/runtime'
import type { Option } from '@tulle/runtime'
import { sharedOptions } from './shared-options.ts'
import type { SharedOptions } from './shared-options.ts'

export interface WaypointOptions extends SharedOptions {
  readonly config: string
  readonly workers: number
  readonly maxConnections: number
  readonly requestIdle: number
  readonly adminPort: number
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
    metricsPort: sharedOptions.metricsPort,
    healthPort: sharedOptions.healthPort,
    accessLog: sharedOptions.accessLog,
    drainDeadline: sharedOptions.drainDeadline,
    logLevel: sharedOptions.logLevel,
  })
