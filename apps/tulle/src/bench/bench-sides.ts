import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BenchProcess } from './bench-process.ts'
import { writeCertificates } from './certificates.ts'
import { loadArguments } from './load/load-report.ts'
import type { LoadPlan, LoadReport } from './load/load-report.ts'
import { benchConfig } from './mesh-config.ts'
import { farIp, makeTwoNamespaces } from './two-namespaces.ts'
import type { TwoNamespaces } from './two-namespaces.ts'

/** A caller's network and an application's, with nothing or with the mesh in between. */
export interface BenchSide extends Disposable {
  readonly proxies: readonly BenchProcess[]
  load(plan: Omit<LoadPlan, 'host' | 'port'>): Promise<LoadReport>
  /** Resolves when a request gets through. */
  answers(): Promise<void>
}

export interface MeshSideOptions {
  /** The command's main file. */
  readonly main: string
  /** For keys and configuration; nobody else may read it. */
  readonly folder: string
  readonly workers: number
}

const backendPort = 9000
const answersWithinSeconds = 20
/** Starting a load, and what it waits for beyond its measurement, on a machine that is busy with other things. */
const loadOverheadMs = 40_000
const loadProgram = fileURLToPath(new URL('./load/load-main.ts', import.meta.url))

export function directSide(): BenchSide {
  return side(makeTwoNamespaces({ captured: false }), [])
}

/** Two node proxies, each in its workload's network, where rules of the kernel lead all TCP to it. */
export function meshSide(options: MeshSideOptions): BenchSide {
  const networks = makeTwoNamespaces({ captured: true })
  const { folder } = options
  const pems = writeCertificates(folder, ['client', 'server'])
  const config = join(folder, 'mesh.yaml')
  writeFileSync(config, benchConfig({ client: pems.client, backendPort, knowsServer: true, rules: 1 }))
  const proxy = (name: 'client' | 'server'): BenchProcess => {
    const { key, certificate, roots } = pems[name]
    const flags = {
      config,
      workload: `bench/${name}`,
      key,
      certificate,
      roots,
      workers: `${options.workers}`,
      'log-level': 'warn',
      'access-log': join(folder, `${name}.access.log`),
    }
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
    const netns = name === 'client' ? networks.near : networks.far
    return new BenchProcess(`the node proxy of the ${name}`, netns, [options.main, 'node', ...args])
  }
  return side(networks, [proxy('client'), proxy('server')])
}

function side(networks: TwoNamespaces, proxies: readonly BenchProcess[]): BenchSide {
  const backend = new BenchProcess('the application', networks.far, [
    loadProgram,
    'backend',
    farIp,
    `${backendPort}`,
  ])
  const run = async (plan: Omit<LoadPlan, 'host' | 'port'>): Promise<string> => {
    const args = loadArguments({ host: farIp, port: backendPort, ...plan })
    using load = new BenchProcess(`the load (${plan.mode})`, networks.near, [loadProgram, ...args])
    const line = load.line(plan.seconds * 1000 + loadOverheadMs)
    return await Promise.race([line, ...[backend, ...proxies].map((one) => one.ended())])
  }
  return {
    proxies,
    // Our own program: it prints a LoadReport.
    load: async (plan) => JSON.parse(await run(plan)) as LoadReport,
    answers: async () =>
      void (await run({ mode: 'probe', seconds: answersWithinSeconds, connections: 1, perSecond: 0 })),
    [Symbol.dispose]: () => {
      for (const one of [...proxies, backend]) one[Symbol.dispose]()
      networks[Symbol.dispose]()
    },
  }
}
