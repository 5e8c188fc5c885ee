import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchConfig } from '../../apps/tulle/src/bench/mesh-config.ts'
import type { Child, Children } from '../support/children.ts'
import type { PemFiles } from '../support/certificates.ts'
import { proxyCore } from '../support/run-setting.ts'
import { farIp, nearIp } from '../support/two-namespaces.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'
import { haproxyConfig, haproxyPlainConfig } from './peer-configs.ts'

export const backendPort = 9000
/** A policy of some size, all of which is looked at for each connection. */
const policyRules = 100

/** One way from the load to the backend. */
export interface BenchPath {
  readonly name: string
  /** Where the load runs. */
  readonly networks: TwoNamespaces
  /** What the load connects to. */
  readonly ip: string
  readonly port: number
  /** Outbound, then inbound; one for the plain copy; none where there is no mesh. */
  readonly proxies: readonly Child[]
  /** The works that it carries. */
  readonly works: readonly string[]
}

export interface PathDeps {
  readonly children: Children
  readonly plain: TwoNamespaces
  /** With capture rules in both namespaces. */
  readonly captured: TwoNamespaces
  readonly client: PemFiles
  readonly server: PemFiles
  /** On a tmpfs that only this process and its children see. */
  readonly folder: string
  /** What runs as `tulle`. */
  readonly tulleMain: string
  /** Another one, and where it runs, as both want the same port of the tunnel. */
  readonly before: { readonly tulleMain: string; readonly networks: TwoNamespaces } | undefined
  /** Each Node proxy writes a CPU profile to this folder when it ends. */
  readonly profileFolder: string | undefined
  readonly maxConnections: number
}

export interface LeftOut {
  readonly name: string
  readonly why: string
}

type Command = readonly [program: string, ...args: string[]]

interface PathPlan {
  readonly name: string
  readonly networks: TwoNamespaces
  readonly ip: string
  readonly port: number
  /** By the side that they run on. */
  readonly proxies: readonly (readonly ['near' | 'far', Command])[]
  readonly works: readonly string[]
}

const pairWorks = ['small-1', 'small', 'small-512', 'connect', 'download', 'upload', 'both', 'latency']
/** Uploads break its framing: it has no answer to a read that is larger than a batch. */
const prototypeWorks = pairWorks.filter((work) => work !== 'upload' && work !== 'both')
const capturedWorks = ['small', 'connect', 'download', 'latency']
/** Whose memory is worth a figure: those that somebody would run. */
const memoryWorks = [...pairWorks, 'memory']

const plans: Readonly<Record<string, (deps: PathDeps) => readonly PathPlan[]>> = {
  direct: (deps) => [
    {
      name: 'direct',
      networks: deps.plain,
      ip: farIp,
      port: backendPort,
      proxies: [],
      works: [...pairWorks, 'copy'],
    },
  ],
  haproxy: (deps) => [haproxyPair(deps), haproxyPlain(deps)],
  'node-http2': (deps) => [scriptPair('node-http2', [7102, 7202], memoryWorks, deps)],
  prototype: (deps) => [scriptPair('prototype', [7103, 7203], prototypeWorks, deps)],
  ours: (deps) => [ourPair(deps), ourPlain(deps)],
  'ours-captured': (deps) => [ourCapturedPair(deps)],
}

export const pathNames: readonly string[] = Object.keys(plans)
/** Ours, as another checkout has it. */
export const beforePathName = 'before'

function plansOf(name: string, deps: PathDeps): readonly PathPlan[] {
  const { before } = deps
  if (name !== beforePathName || before === undefined) return plans[name]?.(deps) ?? []
  const itsDeps = { ...deps, tulleMain: before.tulleMain, plain: before.networks }
  return [ourPair(itsDeps, name), ourPlain(itsDeps, name)]
}

/** Starts the ways of that name which carry one of `works`, or says why there are none here. */
export function startPath(
  name: string,
  works: readonly string[],
  deps: PathDeps,
): readonly BenchPath[] | LeftOut {
  const wanted = plansOf(name, deps).filter((plan) => plan.works.some((work) => works.includes(work)))
  const program = wanted[0]?.proxies[0]?.[1][0]
  if (program !== undefined && spawnSync(program, ['-v'], { stdio: 'ignore' }).error !== undefined)
    return { name, why: `${program} is not installed (Debian: apt-get install ${program})` }
  return wanted.map((plan) => {
    // Inbound first, so that the outbound one finds it.
    const started = plan.proxies.toReversed().map(([side, command]) =>
      deps.children.start({
        name: `${name} ${side === 'near' ? 'outbound' : 'inbound'}`,
        netns: plan.networks[side],
        core: proxyCore,
        command,
      }),
    )
    return { ...plan, proxies: started.toReversed() }
  })
}

function haproxyPair(deps: PathDeps): PathPlan {
  const { client, server, folder, maxConnections } = deps
  const config = haproxyConfig({
    client,
    server,
    port: 7101,
    tunnelPort: 7201,
    backendPort,
    maxConnections,
  })
  const [near, far] = [join(folder, 'haproxy-outbound.cfg'), join(folder, 'haproxy-inbound.cfg')]
  writeFileSync(near, config.outbound)
  writeFileSync(far, config.inbound)
  const proxies = [
    ['near', ['haproxy', '-db', '-f', near]],
    ['far', ['haproxy', '-db', '-f', far]],
  ] as const
  return forwarded(deps, { name: 'haproxy', port: 7101, works: memoryWorks, proxies })
}

function haproxyPlain(deps: PathDeps): PathPlan {
  const file = join(deps.folder, 'haproxy-plain.cfg')
  const { maxConnections } = deps
  writeFileSync(file, haproxyPlainConfig({ port: 7105, backendPort, maxConnections }))
  const proxies = [['near', ['haproxy', '-db', '-f', file]]] as const
  return forwarded(deps, { name: 'haproxy', port: 7105, works: ['copy'], proxies })
}

function scriptPair(
  name: string,
  [port, tunnelPort]: readonly [number, number],
  works: readonly string[],
  deps: PathDeps,
): PathPlan {
  const { client, server } = deps
  const script = (side: string): string => join(import.meta.dirname, '../peers', name, `${side}.ts`)
  const tunnel = `${farIp}:${tunnelPort}`
  const ends = [`${nearIp}:${port}`, tunnel, `${farIp}:${backendPort}`]
  const pem = ({ key, certificate, roots }: PemFiles): string[] => [key, certificate, roots]
  const near = [...node(deps, `${name}-outbound`), script('outbound'), ...ends, ...pem(client)] as const
  const far = [...node(deps, `${name}-inbound`), script('inbound'), tunnel, ...pem(server)] as const
  const proxies = [
    ['near', near],
    ['far', far],
  ] as const
  return forwarded(deps, { name, port, works, proxies })
}

/** The product as it is run: policy, metrics and access log on, one worker on each side. */
function ourPair(deps: PathDeps, name: string = 'ours'): PathPlan {
  const forward = `${nearIp}:7104=${farIp}:${backendPort}`
  const proxies = [
    ['near', ourCommand('client', deps, { forward, hbone: `${nearIp}:15008` })],
    ['far', ourCommand('server', deps, { hbone: `${farIp}:15008` })],
  ] as const
  return forwarded(deps, { name, port: 7104, works: memoryWorks, proxies })
}

/** Towards an address that the mesh does not know, which passes as it is. */
function ourPlain(deps: PathDeps, name: string = 'ours'): PathPlan {
  const forward = `${nearIp}:7106=${farIp}:${backendPort}`
  const more = { forward, hbone: `${nearIp}:15018`, 'metrics-port': '15021' }
  const proxies = [['near', ourCommand('client', deps, more, false)]] as const
  return forwarded(deps, { name, port: 7106, works: ['copy'], proxies })
}

/** As in a workload's namespace: the load calls the backend itself, and nftables lead it through the proxies. */
function ourCapturedPair(deps: PathDeps): PathPlan {
  return {
    name: 'ours-captured',
    networks: deps.captured,
    ip: farIp,
    port: backendPort,
    works: capturedWorks,
    proxies: [
      ['near', ourCommand('client', deps, {})],
      ['far', ourCommand('server', deps, {})],
    ],
  }
}

/** Between the two namespaces without capture: the load connects to a port of the first proxy. */
function forwarded(deps: PathDeps, plan: Omit<PathPlan, 'networks' | 'ip'>): PathPlan {
  return { networks: deps.plain, ip: nearIp, ...plan }
}

function ourCommand(
  name: 'client' | 'server',
  deps: PathDeps,
  more: Readonly<Record<string, string>>,
  knowsServer: boolean = true,
): Command {
  const { client, folder, maxConnections } = deps
  const file = join(folder, knowsServer ? 'mesh.yaml' : 'client-only.yaml')
  writeFileSync(file, benchConfig({ client, backendPort, knowsServer, rules: policyRules }))
  const pem = deps[name]
  const flags = {
    config: file,
    workload: `bench/${name}`,
    key: pem.key,
    certificate: pem.certificate,
    roots: pem.roots,
    workers: '1',
    // As it comes it leaves half of the descriptors to others.
    'max-connections': `${maxConnections}`,
    'metrics-port': '15020',
    'log-level': 'warn',
    'access-log': join(folder, `${name}.access.log`),
    ...more,
  }
  return [
    ...node(deps, `ours-${name}`),
    deps.tulleMain,
    'node',
    ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]),
  ]
}

function node({ profileFolder }: PathDeps, name: string): [string, ...string[]] {
  const profile =
    profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profileFolder, name)}`]
  return [process.execPath, ...profile]
}
