import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { systemClock } from '@tulle/core'
import { inNetns } from '@tulle/kernel'
import type { NetnsFd } from '@tulle/kernel'

// The unit of /proc/PID/stat is part of Linux's ABI, and 100 everywhere.
const ticksPerSecond = 100
const maxKeptText = 64 * 1024

/** A Node process of the bench, in one of its namespaces. It ends with the namespaces' first process at the latest. */
export class BenchProcess implements Disposable {
  readonly name: string
  readonly #child: ChildProcess
  readonly #closed: Promise<number | null>
  readonly #firstLine: PromiseWithResolvers<string> = Promise.withResolvers()
  #stdout: string = ''
  #stderr: string = ''
  #procPid: string | undefined

  constructor(name: string, netns: NetnsFd, args: readonly string[]) {
    this.name = name
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([variable]) => !variable.startsWith('TULLE_')),
    )
    this.#child = inNetns(netns, () => ({
      child: spawn(process.execPath, [...process.execArgv, ...args], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    })).child
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#printed(chunk))
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#stderr = keep(this.#stderr, chunk)))
    this.#closed = new Promise((resolve) => {
      this.#child.once('error', (error) => (this.#stderr += error.message))
      this.#child.once('close', resolve)
    })
  }

  /**
   * The first line that it prints; rejects where it ends before, or prints none in this time. Whether it ends then is not waited
   * for: Node's own end may take for ever while code is being compiled. @see https://github.com/nodejs/node/issues/54918
   */
  async line(withinMs: number): Promise<string> {
    const late = Promise.withResolvers<never>()
    using _late = systemClock.after(withinMs, () =>
      late.reject(new Error(`expected a line of ${this.name} within ${withinMs / 1000} s, found none`)),
    )
    return await Promise.race([this.#firstLine.promise, late.promise, this.ended()])
  }

  /** Rejects when it ends, which is not expected of it. */
  async ended(): Promise<never> {
    throw this.#failure(await this.#closed)
  }

  /** User and system time of all its threads so far. */
  cpuSeconds(): number {
    this.#procPid ??= procPidOf(this.#child.pid ?? 0)
    const stat = readFileSync(`/proc/${this.#procPid}/stat`, 'latin1')
    // The command's name may hold blanks and brackets; fields are counted after it. @see proc_pid_stat(5)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }

  #printed(chunk: Buffer): void {
    this.#stdout = keep(this.#stdout, chunk)
    const end = this.#stdout.indexOf('\n')
    if (end !== -1) this.#firstLine.resolve(this.#stdout.slice(0, end))
  }

  #failure(code: number | null): Error {
    const said = this.#stderr.trim() || this.#stdout.trim()
    return new Error(`${this.name} ended with ${code ?? 'a signal'}${said === '' ? '' : `: ${said}`}`)
  }
}

function keep(text: string, chunk: Buffer): string {
  return (text + chunk.toString()).slice(-maxKeptText)
}

/** /proc may be that of the process namespace outside of ours, which numbers our children otherwise than we do. */
function procPidOf(pid: number): string {
  const here = readlinkSync('/proc/self/ns/pid')
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/u.test(entry)) continue
    try {
      const inner = /^NSpid:.*\t(\d+)$/mu.exec(readFileSync(`/proc/${entry}/status`, 'latin1'))?.[1]
      if (inner === `${pid}` && readlinkSync(`/proc/${entry}/ns/pid`) === here) return entry
    } catch {
      // It has just ended, or is somebody else's; neither is the one that we look for.
    }
  }
  throw new Error(`expected a process ${pid} of ours in /proc, found none`)
}
