import type { Mesh } from '../../tests/support/mesh.ts'
import { rssAnonBytes } from '../../tests/support/processes.ts'

/** Anonymous memory of a role's process: what it has for itself. Each figure is the median of a fifth of the run. */
export interface RoleMemory {
  readonly role: string
  readonly startBytes: number
  readonly middleBytes: number
  readonly endBytes: number
  readonly mostBytes: number
}

const roles = ['control', 'node-1', 'node-2'] as const

export class MemorySamples {
  readonly #samples: Map<string, number[]> = new Map()

  async take(mesh: Mesh): Promise<void> {
    for (const role of roles) {
      const list = this.#samples.get(role) ?? []
      list.push(rssAnonBytes(await mesh.pidOf(role)))
      this.#samples.set(role, list)
    }
  }

  latest(): string {
    return [...this.#samples].map(([role, list]) => `${role} ${mebibytes(list.at(-1) ?? 0)}`).join('  ')
  }

  byRole(): readonly RoleMemory[] {
    return [...this.#samples].map(([role, list]) => ({
      role,
      startBytes: median(fifth(list, 0)),
      middleBytes: median(fifth(list, 2)),
      endBytes: median(fifth(list, 4)),
      mostBytes: Math.max(...list),
    }))
  }
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}

function fifth(list: readonly number[], which: number): readonly number[] {
  const size = Math.max(1, Math.floor(list.length / 5))
  const from = Math.min(list.length - size, Math.floor((list.length * which) / 5))
  return list.slice(from, from + size)
}

function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0
}
