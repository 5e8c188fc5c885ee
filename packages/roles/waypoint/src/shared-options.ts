import { defineOptions, durationMs, logLevels, oneOf, option, port, text } from '@tulle/runtime'
import type { LogLevel, Option } from '@tulle/runtime'

export interface SharedOptions {
  readonly metricsPort: number
  readonly healthPort: number
  readonly accessLog: string
  readonly drainDeadline: number
  readonly logLevel: LogLevel
}

/** What a waypoint is told in the mesh and by a file alike. */
export const sharedOptions: { readonly [Name in keyof SharedOptions]: Option<SharedOptions[Name]> } =
  defineOptions({
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
