import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HostEntry } from '@tulle/status'
import { HostsFile } from './hosts-file.ts'

/** No name server can be reached from a workload: asking one must fail at once, not after its timeouts. */
const resolverText = '# Names are in /etc/hosts.\nnameserver 127.0.0.1\noptions attempts:1 timeout:1\n'

/**
 * The hosts files that workloads see as /etc/hosts, one for each namespace, because a service's bare name holds
 * only there.
 */
export class HostsFiles {
  readonly #folder: string
  readonly #files: Map<string, HostsFile> = new Map()
  /** What workloads see as /etc/resolv.conf. No namespace is called like it: their names have no dots. */
  readonly resolverFile: string
  #entries: readonly HostEntry[] = []

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    this.resolverFile = join(folder, 'resolv.conf')
    writeFileSync(this.resolverFile, resolverText, { mode: 0o644 })
  }

  update(entries: readonly HostEntry[]): void {
    this.#entries = entries
    for (const [namespace, file] of this.#files) file.update(hostsLines(entries, namespace))
  }

  /** The path of a namespace's file, which from now on is kept up to date. */
  pathFor(namespace: string): string {
    const path = join(this.#folder, namespace)
    const file = this.#files.get(namespace) ?? new HostsFile(path)
    this.#files.set(namespace, file)
    file.update(hostsLines(this.#entries, namespace))
    return path
  }
}

export function hostsLines(entries: readonly HostEntry[], namespace: string): readonly string[] {
  const names = new Map<string, string[]>()
  for (const entry of entries) {
    if (entry.namespace !== undefined && entry.namespace !== namespace) continue
    names.set(entry.address, [...(names.get(entry.address) ?? []), entry.name])
  }
  const lines = [...names].map(([address, of]) => `${address} ${of.toSorted().join(' ')}`).toSorted()
  return ['127.0.0.1 localhost', '::1 localhost', ...lines]
}
