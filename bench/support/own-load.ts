import { fileURLToPath } from 'node:url'
import type { NetnsFd } from '@tulle/kernel'
import { loadArguments } from '../../apps/tulle/src/bench/load/load-report.ts'
import type { LoadPlan, LoadReport } from '../../apps/tulle/src/bench/load/load-report.ts'
import type { Child, Children } from './children.ts'
import type { MeasuredProcess } from './measurement.ts'
import { loadCore } from './run-setting.ts'

/** What a load connects to, from where. */
export interface LoadTarget {
  readonly name: string
  readonly networks: { readonly near: NetnsFd }
  readonly ip: string
  readonly port: number
}

export const loadProgram: string = fileURLToPath(
  new URL('../../apps/tulle/src/bench/load/load-main.ts', import.meta.url),
)

/** The load of `tulle bench`. */
export function startLoad(
  target: LoadTarget,
  plan: Omit<LoadPlan, 'host' | 'port'>,
  children: Children,
): Child {
  return children.start({
    name: `${plan.mode} on ${target.name}`,
    netns: target.networks.near,
    core: loadCore,
    command: [
      process.execPath,
      loadProgram,
      ...loadArguments({ host: target.ip, port: target.port, ...plan }),
    ],
  })
}

export async function reportOf(load: Child): Promise<LoadReport> {
  // Our own program on the other side.
  return JSON.parse(await load.line()) as LoadReport
}

/** Waits until a request gets through, or says which path never answered. */
export async function awaitPath(
  target: LoadTarget & { readonly proxies: readonly MeasuredProcess[] },
  children: Children,
): Promise<void> {
  const probe = startLoad(target, { mode: 'probe', seconds: 20, connections: 1, perSecond: 0 }, children)
  await Promise.race([probe.line(), ...target.proxies.map((proxy) => proxy.ended())])
}
