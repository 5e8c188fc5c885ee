import { readFileSync } from 'node:fs'
import { systemClock } from '@tulle/core'
import type { Child, Children, ProcessMemory } from './children.ts'
import { inTime } from './in-time.ts'
import { awaitPath, startLoad } from './own-load.ts'
import type { LoadTarget } from './own-load.ts'

/** Memory of fresh proxies with some idle connections, each of which has carried one request. */
export interface MemorySample {
  readonly path: string
  readonly connections: number
  /** Where there are two: outbound, then inbound. */
  readonly proxies: readonly ProcessMemory[]
}

export interface MemoryOptions {
  /** Rising. */
  readonly connections: readonly number[]
  readonly settleMs: number
}

const openWithinMs = 60_000

export async function measureMemory(
  path: LoadTarget & { readonly proxies: readonly Child[] },
  options: MemoryOptions,
  children: Children,
): Promise<readonly MemorySample[]> {
  await awaitPath(path, children)
  const sample = async (connections: number): Promise<MemorySample> => {
    await systemClock.sleep(options.settleMs)
    return { path: path.name, connections, proxies: path.proxies.map((proxy) => proxy.memory()) }
  }
  const samples = [await sample(0)]
  const loads = []
  let open = 0
  for (const wanted of options.connections) {
    const plan = { mode: 'idle', connections: wanted - open, seconds: 600, perSecond: 0 } as const
    const load = startLoad(path, plan, children)
    loads.push(load)
    const printed = await inTime(Promise.race([load.printed('open '), load.ended()]), openWithinMs)
    if (printed === undefined) {
      process.stderr.write(
        `${path.name}: ${wanted} connections were not open in time, so there is no figure\n`,
      )
      break
    }
    open += Number(/^open (\d+)$/mu.exec(printed)?.[1] ?? 0)
    samples.push(await sample(open))
  }
  await Promise.all(loads.map((load) => load.kill()))
  return samples
}

/** A proxy needs two descriptors a connection, and this machine's limit cannot be raised without rights. */
export function mostConnections(): number {
  const hard = /^Max open files\s+\S+\s+(\d+)/mu.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  return Math.floor((Number(hard ?? 4096) - 100) / 2)
}
