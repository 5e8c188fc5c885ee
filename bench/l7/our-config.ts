import { join } from 'node:path'
import { farIp, nearIp } from '../support/two-namespaces.ts'
import { methods, portOf, retry } from './entries.ts'
import type { Entry } from './entries.ts'
import { routeCount, routeExpression } from './load/questions.ts'
import type { ProxySetting } from './proxies.ts'

/** For `tulle waypoint --config`; JSON is YAML. */
export function ourFiles(
  { folder, firstPort, entries }: ProxySetting,
  name: string = 'waypoint.yaml',
): ReadonlyMap<string, string> {
  const config = {
    listeners: entries.map((entry) => listener(entry, portOf(entry.name, firstPort))),
    clusters: entries.map(({ name, sends, backendPorts }) => ({
      name,
      protocol: sends,
      endpoints: backendPorts.map((port) => ({ address: farIp, port })),
    })),
  }
  return new Map([[join(folder, name), JSON.stringify(config, undefined, 1)]])
}

function listener({ name, takes, routes, retries }: Entry, port: number): object {
  const paths =
    routes === 'one'
      ? [{ type: 'PathPrefix', value: '/' }]
      : Array.from({ length: routeCount }, (_, i) => ({
          type: 'RegularExpression',
          value: routeExpression(i),
        }))
  const again = { codes: [retry.status], attempts: retry.attempts, backoff: `${retry.backoffMs}ms` }
  return {
    name,
    address: nearIp,
    port,
    protocol: takes === 'http2' ? 'http2' : 'http',
    access: [{ name: 'calls', action: 'allow', requests: methods.map((method) => ({ method })) }],
    rules: paths.map((path) => ({
      matches: [{ path }],
      backends: [{ cluster: name }],
      ...(retries ? { retry: again } : {}),
    })),
  }
}
