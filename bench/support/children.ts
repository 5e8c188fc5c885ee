import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { inNetns } from '@tulle/kernel'
import type { NetnsFd } from '@tulle/kernel'

export interface ChildPlan {
  readonly name: string
  readonly netns: NetnsFd
  /** The one core that it may use. */
  readonly core: number
  readonly command: readonly [program: string, ...args: string[]]
}

/** Of one process, in MiB: `anonymous` is what it has for itself (RssAnon), `resident` all of it (RSS). */
export interface ProcessMemory {
  readonly anonymousMiB: number
  readonly residentMiB: number
}

// `getconf CLK_TCK` has been 100 on every Linux for decades: the unit of /proc/PID/stat is part of its ABI.
const ticksPerSecond = 100

/** Processes that end with this one, however it ends: `setpriv` asks the kernel for their death with their parent's. */
export class Children implements AsyncDisposable {
  readonly #running: Set<Child> = new Set()

  /** Starts it inside the namespace; what it says on stderr is kept for when it fails. */
  start({ name, netns, core, command }: ChildPlan): Child {
    const args = ['--pdeathsig', 'KILL', 'taskset', '-c', `${core}`, ...command]
    const process_ = inNetns(netns, () => ({
      child: spawn('setpriv', args, { stdio: ['pipe', 'pipe', 'pipe'], env: environment() }),
    })).child
    const child = new Child(name, process_)
    this.#running.add(child)
    process_.on('close', () => this.#running.delete(child))
    return child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((child) => child.kill()))
  }
}

export class Child {
  readonly name: string
  readonly #process: ChildProcess
  readonly #closed: Promise<number | null>
  #stdout: string = ''
  #stderr: string = ''

  constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#process = child
    child.stdout?.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()))
    child.stderr?.on(
      'data',
      (chunk: Buffer) => (this.#stderr = (this.#stderr + chunk.toString()).slice(-4096)),
    )
    this.#closed = new Promise((resolve) => {
      child.once('error', (error) => (this.#stderr += error.message))
      child.once('close', resolve)
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  stop(): void {
    this.#process.kill('SIGTERM')
  }

  /** A line to its standard input. */
  tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`)
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#closed
  }

  /** What it printed; rejects where it fails. */
  async output(): Promise<string> {
    const code = await this.#closed
    if (code !== 0)
      throw new Error(`${this.name} ended with ${code}: ${this.#stderr.trim() || this.#stdout.trim()}`)
    return this.#stdout
  }

  /**
   * The first line that it prints, and its end; rejects where it ends before. A program of Node is not waited for: its own end may
   * take for ever while code is being compiled. @see https://github.com/nodejs/node/issues/54918
   */
  async line(): Promise<string> {
    const [line = ''] = (await Promise.race([this.printed('\n'), this.ended()])).split('\n', 1)
    await this.kill()
    return line
  }

  /** Resolves with all that it printed so far when `text` is in it. */
  printed(text: string): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.#stdout.includes(text)) return
        this.#process.stdout?.off('data', look)
        resolve(this.#stdout)
      }
      this.#process.stdout?.on('data', look)
      look()
    })
  }

  /** Rejects when it ends: a server is not expected to. */
  async ended(): Promise<never> {
    const code = await this.#closed
    throw new Error(`${this.name} ended with ${code}: ${this.#stderr.trim()}`)
  }

  /** User and system time of all its threads so far. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.pid)
  }

  memory(): ProcessMemory {
    const status = readFileSync(`/proc/${this.pid}/status`, 'latin1')
    const mebibytes = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'mu').exec(status)?.[1] ?? 0) / 1024
    return { anonymousMiB: mebibytes('RssAnon'), residentMiB: mebibytes('VmRSS') }
  }
}

/** User and system time of all threads of a process so far. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The command's name may hold blanks and brackets; fields are counted after it. @see proc_pid_stat(5)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Options of the user's own mesh must not reach the proxies measured here. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TULLE_')))
}
