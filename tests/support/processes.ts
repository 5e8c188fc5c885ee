import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/** A process as this machine numbers it; `startTicks` tells it from a later one with the same number. */
export interface ProcessFacts {
  readonly pid: number
  readonly parentPid: number
  readonly startTicks: string
  /** Its number in the innermost process namespace. */
  readonly innerPid: number
  readonly command: string
  /** Such as `net:[4026531840]`; empty where it could not be read. */
  readonly netns: string
}

/** Every process below `pid`, itself included. */
export function descendants(pid: number): readonly ProcessFacts[] {
  const all = allProcesses()
  const family = new Set([pid])
  for (let grew = true; grew;) {
    grew = false
    for (const one of all) {
      if (family.has(one.pid) || !family.has(one.parentPid)) continue
      family.add(one.pid)
      grew = true
    }
  }
  return all.filter((one) => family.has(one.pid))
}

export function stillRunning(processes: readonly ProcessFacts[]): readonly ProcessFacts[] {
  const now = new Map(allProcesses().map((one) => [one.pid, one.startTicks]))
  return processes.filter((one) => now.get(one.pid) === one.startTicks)
}

/** The network namespaces of `processes` that some process still is in, apart from our own. */
export function namespacesLeft(processes: readonly ProcessFacts[]): readonly string[] {
  const here = readlinkSync('/proc/self/ns/net')
  const now = new Set(allProcesses().map((one) => one.netns))
  return [...new Set(processes.map((one) => one.netns))].filter(
    (netns) => netns !== '' && netns !== here && now.has(netns),
  )
}

/** The mounts of this process whose path holds `part`. */
export function mountsWith(part: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(part))
}

/** Anonymous memory in bytes: what the process has for itself, without its binary. */
export function rssAnonBytes(pid: number): number {
  const kib = /^RssAnon:\s+(?<kib>\d+) kB$/mu.exec(read(`/proc/${pid}/status`))?.groups?.['kib']
  return Number(kib ?? 0) * 1024
}

function allProcesses(): readonly ProcessFacts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .flatMap((name) => {
      const facts = processFacts(Number(name))
      return facts === undefined ? [] : [facts]
    })
}

/** undefined for what has ended, zombies included. @see proc_pid_stat(5) */
function processFacts(pid: number): ProcessFacts | undefined {
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (stat === '' || fields[0] === 'Z' || fields[0] === 'X') return undefined
  const inner = /^NSpid:.*?(?<pid>\d+)$/mu.exec(read(`/proc/${pid}/status`))?.groups?.['pid']
  return {
    pid,
    parentPid: Number(fields[1]),
    startTicks: fields[19] ?? '',
    innerPid: Number(inner ?? pid),
    command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim(),
    netns: link(`/proc/${pid}/ns/net`),
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It ended while we looked.
    return ''
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // It ended while we looked.
    return ''
  }
}
