import type { HttpMatchSpec } from '@tulle/api'
import type { HttpMatch } from '@tulle/traffic'

/**
 * One match of an HTTPRouteGroup (§9.5): the path from its start, against the normalised path without query; headers in full,
 * names without case; `host` and `:authority` are one.
 */
export function httpMatchOf({ pathRegex, methods, headers }: HttpMatchSpec): HttpMatch {
  return {
    ...(pathRegex === undefined
      ? {}
      : { path: { kind: 'pattern', pattern: { source: pathRegex, anchor: 'start' } } }),
    methods: methods ?? [],
    headers: headers.map(({ name, regex }) => ({
      name: name === 'host' ? ':authority' : name,
      value: { kind: 'pattern', pattern: { source: regex, anchor: 'full' } },
    })),
    query: [],
  }
}
