import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { waypointArguments } from '../support/waypoint-command.ts'

export interface CapacityProxy {
  readonly name: string
  readonly port: number
  readonly command: readonly [program: string, ...args: string[]]
}

interface Place {
  readonly folder: string
  readonly listenIp: string
  readonly backendIp: string
  readonly backendPort: number
  readonly maxConnections: number
}

/** Proxies that are to be had here, one thread each; idle connections are kept for long. */
export function capacityProxies(place: Place): readonly CapacityProxy[] {
  return [ours(place), haproxy(place)].filter(
    ({ command: [program] }) => spawnSync(program, ['-v'], { stdio: 'ignore' }).error === undefined,
  )
}

function ours({ folder, listenIp, backendIp, backendPort, maxConnections }: Place): CapacityProxy {
  const file = join(folder, 'waypoint.yaml')
  writeFileSync(
    file,
    `listeners:
  - name: front
    address: ${listenIp}
    port: 7401
    rules:
      - matches: [{ path: { type: PathPrefix, value: / } }]
        backends: [{ cluster: back }]
clusters:
  - name: back
    endpoints: [{ address: ${backendIp}, port: ${backendPort} }]
`,
  )
  const main = fileURLToPath(new URL('../../apps/tulle/src/main.ts', import.meta.url))
  const accessLog = join(folder, 'access.log')
  const waypoint = waypointArguments({ config: file, accessLog, maxConnections })
  return { name: 'ours', port: 7401, command: [process.execPath, main, ...waypoint] }
}

function haproxy({ folder, listenIp, backendIp, backendPort, maxConnections }: Place): CapacityProxy {
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn ${maxConnections}
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
  timeout tunnel 10m
  timeout http-keep-alive 10m
frontend front
  bind ${listenIp}:7402
  default_backend back
backend back
  http-reuse always
  server application ${backendIp}:${backendPort}
`,
  )
  return { name: 'haproxy', port: 7402, command: ['haproxy', '-db', '-f', file] }
}
