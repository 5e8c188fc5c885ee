import { join } from 'node:path'
import { farIp, nearIp } from '../support/two-namespaces.ts'
import { methods, portOf, retry } from './entries.ts'
import type { Entry } from './entries.ts'
import { routeCount, routeExpression } from './load/questions.ts'
import type { ProxySetting } from './proxies.ts'

/** File names to texts; the first is the one to start with. */
export function haproxyFiles({
  folder,
  firstPort,
  maxConnections,
  entries,
}: ProxySetting): ReadonlyMap<string, string> {
  const map = join(folder, 'haproxy-routes.map')
  const text = `global
  nbthread 1
  maxconn ${maxConnections}
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
${entries.map((entry) => frontend(entry, portOf(entry.name, firstPort), map)).join('')}`
  return new Map([
    [join(folder, 'haproxy.cfg'), text],
    [map, Array.from({ length: routeCount }, (_, index) => `^${routeExpression(index)}$ routes\n`).join('')],
  ])
}

function frontend(
  { name, takes, sends, backendPorts, routes, retries }: Entry,
  port: number,
  map: string,
): string {
  const choose = routes === 'one' ? `default_backend ${name}` : `use_backend %[path,map_reg(${map})]`
  const again = retries
    ? `  retries ${retry.attempts}\n  retry-on conn-failure empty-response ${retry.status}\n  option redispatch 1\n`
    : ''
  const proto = (side: string): string => (side === 'http2' ? ' proto h2' : '')
  const servers = backendPorts.map(
    (backendPort) => `  server application-${backendPort} ${farIp}:${backendPort}${proto(sends)}\n`,
  )
  return `frontend ${name}
  bind ${nearIp}:${port}${proto(takes)}
  http-request deny if !{ method ${methods.join(' ')} }
  ${choose}
backend ${name}
  http-reuse always
${again}${servers.join('')}`
}
