import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '@tulle/core'
import { installEnvoy } from '../../tests/interop/envoy/install-envoy.ts'
import { backendPort, proxyCore } from '../l4/paths.ts'
import type { BenchPath, LeftOut } from '../l4/paths.ts'
import type { Children } from '../support/children.ts'
import { farIp, nearIp } from '../support/two-namespaces.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'
import { envoyConfig } from './envoy-config.ts'

export interface ProxyDeps {
  readonly children: Children
  readonly networks: TwoNamespaces
  readonly folder: string
  readonly tulleMain: string
  readonly profileFolder: string | undefined
}

type Command = readonly [program: string, ...args: string[]]

interface ProxyPlan {
  readonly name: string
  readonly port: number
  readonly command: (deps: ProxyDeps) => Command
}

const works = ['small-1', 'small', 'small-512', 'connect']
const reads = 'GET'

/** Each on one core, with one rule that admits reads, and one route. */
const plans: readonly ProxyPlan[] = [
  { name: 'haproxy', port: 7301, command: haproxyCommand },
  { name: 'nginx', port: 7302, command: nginxCommand },
  { name: 'envoy', port: 7304, command: envoyCommand },
  { name: 'ours', port: 7303, command: ourCommand },
]

export const proxyNames: readonly string[] = ['direct', ...plans.map(({ name }) => name)]

/** Starts a proxy on the load's side, or says why it is not there. */
export function startProxy(name: string, deps: ProxyDeps): BenchPath | LeftOut {
  const { children, networks } = deps
  if (name === 'direct') return { name, networks, ip: farIp, port: backendPort, proxies: [], works }
  const plan = plans.find((one) => one.name === name)
  if (plan === undefined) return { name, why: 'nobody knows it' }
  let command: Command
  try {
    command = plan.command(deps)
  } catch (error) {
    return { name, why: errorText(error) }
  }
  if (spawnSync(command[0], ['-v'], { stdio: 'ignore' }).error !== undefined)
    return { name, why: `${command[0]} is not installed (Debian: apt-get install ${command[0]})` }
  const proxy = children.start({ name, netns: networks.near, core: proxyCore, command })
  return { name, networks, ip: nearIp, port: plan.port, proxies: [proxy], works }
}

function haproxyCommand({ folder }: ProxyDeps): Command {
  const file = join(folder, 'haproxy-l7.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
frontend front
  bind ${nearIp}:7301
  http-request deny if !{ method ${reads} }
  default_backend back
backend back
  http-reuse always
  server application ${farIp}:${backendPort}
`,
  )
  return ['haproxy', '-db', '-f', file]
}

function nginxCommand({ folder }: ProxyDeps): Command {
  const file = join(folder, 'nginx-l7.conf')
  writeFileSync(
    file,
    `daemon off;
master_process off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr;
events { worker_connections 4000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  upstream back { server ${farIp}:${backendPort}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen ${nearIp}:7302;
    location / {
      limit_except ${reads} { deny all; }
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass http://back;
    }
  }
}
`,
  )
  return ['nginx', '-c', file]
}

/** Throws where it is neither there nor to be had. */
function envoyCommand({ folder }: ProxyDeps): Command {
  const file = join(folder, 'envoy-l7.json')
  const config = envoyConfig({ ip: nearIp, port: 7304 }, { ip: farIp, port: backendPort }, reads)
  writeFileSync(file, JSON.stringify(config))
  return [installEnvoy(), '-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'warning']
}

/** As it is run: policy, metrics and access log on. */
function ourCommand({ folder, tulleMain, profileFolder }: ProxyDeps): Command {
  const file = join(folder, 'waypoint.yaml')
  writeFileSync(
    file,
    `listeners:
  - name: front
    address: ${nearIp}
    port: 7303
    access:
      - { name: reads, action: allow, requests: [{ method: ${reads} }] }
    rules:
      - matches: [{ path: { type: PathPrefix, value: / } }]
        backends: [{ cluster: back }]
clusters:
  - name: back
    endpoints: [{ address: ${farIp}, port: ${backendPort} }]
`,
  )
  const flags = {
    config: file,
    workers: '1',
    'admin-port': '0',
    'health-port': '0',
    'metrics-port': '15020',
    'log-level': 'warn',
    'access-log': join(folder, 'waypoint.access.log'),
  }
  const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]
  return [
    process.execPath,
    ...profile,
    tulleMain,
    'waypoint',
    ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]),
  ]
}
