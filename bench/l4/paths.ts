import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Child, Children } from '../support/children.ts'
import { writeCertificates } from '../support/certificates.ts'
import type { PemFiles } from '../support/certificates.ts'
import { farIp, nearIp } from '../support/two-namespaces.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'
import { haproxyConfig, ourConfig } from './peer-configs.ts'

/** Proxies share core 0; load and backend share core 1. */
export const proxyCore = 0
export const loadCore = 1
export const backendPort = 9000

/** One way from the load to the backend. */
export interface BenchPath {
  readonly name: string
  /** What the load connects to, in the near namespace. */
  readonly ip: string
  readonly port: number
  /** Outbound, then inbound; none where there is no mesh. */
  readonly proxies: readonly Child[]
}

export interface PathDeps {
  readonly children: Children
  readonly networks: TwoNamespaces
  /** On a tmpfs that only this process and its children see. */
  readonly folder: string
  /** Each Node proxy writes a CPU profile to this folder when it ends. */
  readonly profileFolder: string | undefined
}

export interface LeftOut {
  readonly name: string
  readonly why: string
}

export interface StartedPaths {
  readonly paths: readonly BenchPath[]
  readonly leftOut: readonly LeftOut[]
}

interface PairPlan {
  readonly name: string
  readonly port: number
  readonly outbound: Command
  readonly inbound: Command
}

type Command = readonly [program: string, ...args: string[]]

export const pathNames: readonly string[] = ['direct', 'haproxy', 'node-http2', 'prototype', 'ours']

/** Starts the pairs that were asked for; all of them stay up, since idle they cost nothing. */
export function startPaths(names: readonly string[], deps: PathDeps): StartedPaths {
  const { client, server } = writeCertificates(deps.folder, ['client', 'server'])
  const leftOut: LeftOut[] = []
  const paths: BenchPath[] = []
  const pairs = [haproxyPair, nodeHttp2Pair, prototypePair, ourPair].map((plan) => plan(client, server, deps))
  for (const name of pathNames.filter((known) => names.includes(known))) {
    const plan = pairs.find((pair) => pair.name === name)
    if (plan === undefined) {
      paths.push({ name, ip: farIp, port: backendPort, proxies: [] })
    } else if (spawnSync(plan.outbound[0], ['-v'], { stdio: 'ignore' }).error !== undefined) {
      leftOut.push({
        name,
        why: `${plan.outbound[0]} is not installed (Debian: apt-get install ${plan.outbound[0]})`,
      })
    } else paths.push(startPair(plan, deps))
  }
  return { paths, leftOut }
}

function startPair({ name, port, outbound, inbound }: PairPlan, { children, networks }: PathDeps): BenchPath {
  const core = proxyCore
  const far = children.start({ name: `${name} inbound`, netns: networks.far, core, command: inbound })
  const near = children.start({ name: `${name} outbound`, netns: networks.near, core, command: outbound })
  return { name, ip: nearIp, port, proxies: [near, far] }
}

function haproxyPair(client: PemFiles, server: PemFiles, { folder }: PathDeps): PairPlan {
  const config = haproxyConfig({ client, server, port: 7101, tunnelPort: 7201, backendPort })
  const [near, far] = [join(folder, 'haproxy-outbound.cfg'), join(folder, 'haproxy-inbound.cfg')]
  writeFileSync(near, config.outbound)
  writeFileSync(far, config.inbound)
  return {
    name: 'haproxy',
    port: 7101,
    outbound: ['haproxy', '-db', '-f', near],
    inbound: ['haproxy', '-db', '-f', far],
  }
}

function nodeHttp2Pair(client: PemFiles, server: PemFiles, deps: PathDeps): PairPlan {
  return scriptPair('node-http2', [7102, 7202], { client, server }, deps)
}

function prototypePair(client: PemFiles, server: PemFiles, deps: PathDeps): PairPlan {
  return scriptPair('prototype', [7103, 7203], { client, server }, deps)
}

function scriptPair(
  name: string,
  [port, tunnelPort]: readonly [number, number],
  { client, server }: { readonly client: PemFiles; readonly server: PemFiles },
  deps: PathDeps,
): PairPlan {
  const script = (side: string): string => join(import.meta.dirname, '../peers', name, `${side}.ts`)
  const tunnel = `${farIp}:${tunnelPort}`
  return {
    name,
    port,
    outbound: [
      ...node(deps, `${name}-outbound`),
      script('outbound'),
      `${nearIp}:${port}`,
      tunnel,
      `${farIp}:${backendPort}`,
      client.key,
      client.certificate,
      client.roots,
    ],
    inbound: [
      ...node(deps, `${name}-inbound`),
      script('inbound'),
      tunnel,
      server.key,
      server.certificate,
      server.roots,
    ],
  }
}

/** The product as it is run: policy, metrics and access log on, one worker on each side. */
function ourPair(client: PemFiles, server: PemFiles, deps: PathDeps): PairPlan {
  const file = join(deps.folder, 'mesh.yaml')
  writeFileSync(file, ourConfig({ client, nearIp, farIp, backendPort }))
  const main = join(import.meta.dirname, '../../apps/tulle/src/main.ts')
  const side = (
    name: 'client' | 'server',
    pem: PemFiles,
    more: Readonly<Record<string, string>>,
  ): Command => [
    ...node(deps, `ours-${name}`),
    main,
    'node',
    ...flags({
      config: file,
      workload: `bench/${name}`,
      key: pem.key,
      certificate: pem.certificate,
      roots: pem.roots,
      workers: '1',
      'metrics-port': '15020',
      'log-level': 'warn',
      'access-log': join(deps.folder, `${name}.access.log`),
      ...more,
    }),
  ]
  return {
    name: 'ours',
    port: 7104,
    outbound: side('client', client, {
      forward: `${nearIp}:7104=${farIp}:${backendPort}`,
      hbone: `${nearIp}:15008`,
    }),
    inbound: side('server', server, { hbone: `${farIp}:15008` }),
  }
}

function node({ profileFolder }: PathDeps, name: string): [string, ...string[]] {
  const profile =
    profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profileFolder, name)}`]
  return [process.execPath, ...profile]
}

function flags(values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value])
}
