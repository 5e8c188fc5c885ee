import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '@tulle/core'
import { installEnvoy } from '../../tests/interop/envoy/install-envoy.ts'
import { proxyCore } from '../support/run-setting.ts'
import type { LeftOut } from '../l4/paths.ts'
import type { Child, Children } from '../support/children.ts'
import { farIp, nearIp } from '../support/two-namespaces.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'
import { waypointArguments } from '../support/waypoint-command.ts'
import { portOf } from './entries.ts'
import type { Entry, EntryName } from './entries.ts'
import { envoyFiles } from './envoy-config.ts'
import { haproxyFiles } from './haproxy-config.ts'
import { backendPorts } from './load/ports.ts'
import { nginxFiles } from './nginx-config.ts'
import { ourFiles } from './our-config.ts'

export interface ProxyDeps {
  readonly children: Children
  readonly networks: TwoNamespaces
  /** On a tmpfs that only this process and its children see. */
  readonly folder: string
  /** What runs as `tulle`. */
  readonly tulleMain: string
  /** The same of another checkout. */
  readonly beforeMain: string | undefined
  /** Ours writes a CPU profile to this folder when it ends. */
  readonly profileFolder: string | undefined
  readonly maxConnections: number
}

/** What a proxy is to be configured for. */
export interface ProxySetting {
  readonly folder: string
  /** Of its entries, in their order. */
  readonly firstPort: number
  readonly maxConnections: number
  readonly entries: readonly Entry[]
}

type Command = readonly [program: string, ...args: string[]]

interface ProxyPlan {
  readonly name: string
  readonly firstPort: number
  /** The first file is the one to start with. */
  readonly files: (setting: ProxySetting) => ReadonlyMap<string, string>
  /** Throws where the program is neither there nor to be had. */
  readonly command: (file: string, deps: ProxyDeps) => Command
}

/** One way from the load to the backends. */
export interface L7Path {
  readonly name: string
  readonly networks: TwoNamespaces
  readonly ip: string
  readonly ports: ReadonlyMap<EntryName, number>
  /** One, or none where the load speaks with the backend itself. */
  readonly proxies: readonly Child[]
}

const plans: readonly ProxyPlan[] = [
  {
    name: 'haproxy',
    firstPort: 7310,
    files: haproxyFiles,
    command: (file) => ['haproxy', '-db', '-f', file],
  },
  { name: 'nginx', firstPort: 7320, files: nginxFiles, command: (file) => ['nginx', '-c', file] },
  {
    name: 'envoy',
    firstPort: 7330,
    files: envoyFiles,
    command: (file) => [
      installEnvoy(),
      '-c',
      file,
      '--concurrency',
      '1',
      '--disable-hot-restart',
      '--log-level',
      'error',
    ],
  },
  { name: 'ours', firstPort: 7340, files: ourFiles, command: ourCommand },
]

/** Ours, as another checkout has it. */
export const beforeName = 'before'
const beforePlan: ProxyPlan = {
  name: beforeName,
  firstPort: 7350,
  files: (setting) => ourFiles(setting, 'before.yaml'),
  command: (file, deps) => {
    const { beforeMain = deps.tulleMain, maxConnections, folder } = deps
    const log = join(folder, 'before.access.log')
    const plan = { config: file, accessLog: log, maxConnections, metricsPort: 15_021 }
    return [process.execPath, beforeMain, ...waypointArguments(plan)]
  },
}

export const proxyNames: readonly string[] = ['direct', ...plans.map(({ name }) => name)]

/** Starts a proxy on the load's side, or says why it is not there. */
export function startProxy(name: string, entries: readonly Entry[], deps: ProxyDeps): L7Path | LeftOut {
  const { children, networks } = deps
  if (name === 'direct') return { name, networks, ip: farIp, ports: directPorts, proxies: [] }
  const plan = [...plans, beforePlan].find((one) => one.name === name)
  if (plan === undefined) return { name, why: 'nobody knows it' }
  const files = plan.files({ ...deps, firstPort: plan.firstPort, entries: [...entries] })
  for (const [file, text] of files) writeFileSync(file, text)
  let command: Command
  try {
    command = plan.command([...files.keys()][0] ?? '', deps)
  } catch (error) {
    return { name, why: errorText(error) }
  }
  if (spawnSync(command[0], ['-v'], { stdio: 'ignore' }).error !== undefined)
    return { name, why: `${command[0]} is not installed (Debian: apt-get install ${command[0]})` }
  const proxy = children.start({ name, netns: networks.near, core: proxyCore, command })
  const ports = new Map(entries.map((entry) => [entry.name, portOf(entry.name, plan.firstPort)]))
  return { name, networks, ip: nearIp, ports, proxies: [proxy] }
}

/** Nobody would retry, so there is nothing to compare with. */
const directPorts: L7Path['ports'] = new Map<EntryName, number>([
  ['plain', backendPorts.http1],
  ['http2', backendPorts.http2],
  ['grpc', backendPorts.http2],
  ['routes', backendPorts.http1],
])

/** Of ours: a line for each request. */
export function accessLog(folder: string): string {
  return join(folder, 'waypoint.access.log')
}

/** As it is run: policy, metrics and access log on. */
function ourCommand(file: string, { folder, tulleMain, profileFolder, maxConnections }: ProxyDeps): Command {
  const profile =
    profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profileFolder, 'ours')}`]
  const waypoint = waypointArguments({ config: file, accessLog: accessLog(folder), maxConnections })
  return [process.execPath, ...profile, tulleMain, ...waypoint]
}
