import { readFileSync } from 'node:fs'
import { median } from '../support/statistics.ts'

/** The processes of one role over the run, those that followed one another after a kill included. */
export interface RoleMemory {
  readonly role: string
  readonly samples: number
  /** RssAnon, what a process has for itself, at equal ages: medians of the thirds of the run after its warm-up. */
  readonly thirdsBytes: readonly [number, number, number]
  readonly mostBytes: number
  /** RSS in the last third, with the pages that all Node processes share. */
  readonly residentBytes: number
}

interface Sample {
  readonly atMs: number
  readonly pid: number
  /** Of the process, since it was first seen. */
  readonly ageMs: number
  readonly anonymousBytes: number
  readonly residentBytes: number
}

/** Caches and code fill first. */
const warmUpShare = 0.1
/** A process that was just started has not warmed up itself. */
const youngMs = 30_000

export class MemorySamples {
  readonly #samples: Map<string, Sample[]> = new Map()
  readonly #firstSeenMs: Map<number, number> = new Map()

  take(role: string, pid: number, atMs: number): void {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const firstMs = this.#firstSeenMs.get(pid) ?? atMs
    this.#firstSeenMs.set(pid, firstMs)
    const ageMs = atMs - firstMs
    if (ageMs < youngMs) return
    const list = this.#samples.get(role) ?? []
    const [anonymousBytes, residentBytes] = [bytesOf(status, 'RssAnon'), bytesOf(status, 'VmRSS')]
    list.push({ atMs, pid, ageMs, anonymousBytes, residentBytes })
    this.#samples.set(role, list)
  }

  latest(): string {
    return [...this.#samples]
      .map(([role, list]) => `${role} ${mebibytes(list.at(-1)?.anonymousBytes ?? 0)}`)
      .join('  ')
  }

  byRole(): readonly RoleMemory[] {
    return [...this.#samples].map(([role, list]) => {
      const thirds = thirdsAfterWarmUp(atEqualAges(list))
      const anonymous = (third: readonly Sample[]): number =>
        median(third.map(({ anonymousBytes }) => anonymousBytes))
      return {
        role,
        samples: list.length,
        thirdsBytes: [anonymous(thirds[0]), anonymous(thirds[1]), anonymous(thirds[2])],
        mostBytes: Math.max(...list.map(({ anonymousBytes }) => anonymousBytes)),
        residentBytes: median(thirds[2].map(({ residentBytes }) => residentBytes)),
      }
    })
  }
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}

/** Of processes that followed one another only the ages that each of them reached: one that is older has filled more. */
function atEqualAges(list: readonly Sample[]): readonly Sample[] {
  const oldest = new Map<number, number>()
  for (const { pid, ageMs } of list) oldest.set(pid, ageMs)
  // The last one may have been young when the run ended.
  const reached = [...oldest.values()].slice(0, -1)
  const mostMs = Math.min(Infinity, ...reached)
  return list.filter(({ ageMs }) => ageMs <= mostMs)
}

function thirdsAfterWarmUp(
  list: readonly Sample[],
): readonly [readonly Sample[], readonly Sample[], readonly Sample[]] {
  const [firstMs, lastMs] = [list[0]?.atMs ?? 0, list.at(-1)?.atMs ?? 0]
  const fromMs = firstMs + (lastMs - firstMs) * warmUpShare
  const thirdMs = (lastMs - fromMs) / 3
  const third = (which: number): readonly Sample[] =>
    list.filter(
      ({ atMs }) =>
        atMs >= fromMs + which * thirdMs && (which === 2 || atMs < fromMs + (which + 1) * thirdMs),
    )
  return [third(0), third(1), third(2)]
}

function bytesOf(status: string, field: string): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'mu').exec(status)?.[1]
  return Number(kib ?? 0) * 1024
}
