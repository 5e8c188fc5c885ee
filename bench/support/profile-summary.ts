import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Child } from './children.ts'
import { renderTable } from './markdown.ts'

/** What V8 writes with `--cpu-prof`. @see https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface Entry {
  readonly name: string
  readonly selfUs: number
}

const shownEntries = 15
const idleName = '(idle)'
/** CPU.DATE.TIME.PID.THREAD.SEQUENCE.cpuprofile */
const mainThreadFile = /\.\d+\.0\.\d+\.cpuprofile$/u

/** A profile is written when its process ends by itself, which SIGTERM makes ours do. */
export async function endForProfiles(
  paths: readonly { readonly proxies: readonly Child[] }[],
): Promise<void> {
  const proxies = paths.flatMap((path) => path.proxies)
  for (const proxy of proxies) proxy.stop()
  await Promise.allSettled(proxies.map((proxy) => proxy.ended()))
}

/** For each folder of profiles, the functions of its busiest worker by time of their own; without workers, of its main thread. */
export function summarizeProfiles(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => summarizeProcess(join(folder, entry.name)))
    .join('\n\n')
}

function summarizeProcess(folder: string): string {
  const files = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))
  const workers = files.filter((name) => !mainThreadFile.test(name))
  const threads = (workers.length > 0 ? workers : files)
    // V8 wrote them for the run that asked for them.
    .map((name) => selfTimes(JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile))
    .toSorted((a, b) => busyUs(b) - busyUs(a))
  const busiest = threads[0] ?? []
  const totalUs = busyUs(busiest)
  const rows = busiest
    .filter(({ name }) => name !== idleName)
    .toSorted((a, b) => b.selfUs - a.selfUs)
    .slice(0, shownEntries)
    .map(({ name, selfUs }) => [`${((selfUs / totalUs) * 100).toFixed(1)} %`, name])
  return `### ${basename(folder)}: the thread that carries traffic\n\n${renderTable(['self', 'function'], rows)}`
}

function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): readonly Entry[] {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === '' ? '' : ` ${basename(url)}:${lineNumber + 1}`
      return [id, `${functionName || '(anonymous)'}${place}`]
    }),
  )
  const byName = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? '?'
    byName.set(name, (byName.get(name) ?? 0) + (timeDeltas[index] ?? 0))
  }
  return [...byName].map(([name, selfUs]) => ({ name, selfUs }))
}

function busyUs(entries: readonly Entry[]): number {
  return entries.reduce((sum, { name, selfUs }) => sum + (name === idleName ? 0 : selfUs), 0)
}
