import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock } from '@tulle/core'
import type { PeerAnswer, PeerCommand } from './peer-messages.ts'

const main = join(import.meta.dirname, '../../apps/tulle/src/main.ts')
const peerProcess = join(import.meta.dirname, 'peer-process.ts')

export interface ControlPlan {
  readonly manifests: string
  readonly state: string
  readonly port: number
  readonly nodes: readonly string[]
  readonly core: number
  /** Where its CPU profile goes when it ends. */
  readonly profileFolder: string | undefined
}

/** `setpriv` asks the kernel for the child's death with ours. */
function pinned(core: number, command: readonly string[]): readonly string[] {
  return ['--pdeathsig', 'KILL', 'taskset', '-c', `${core}`, ...command]
}

/** The control plane, as a process of its own. */
export class ControlProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #state: string
  readonly #closed: Promise<unknown>
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #log: string[] = []
  readonly #isProfiled: boolean

  constructor(plan: ControlPlan) {
    this.#state = plan.state
    this.#isProfiled = plan.profileFolder !== undefined
    const profile =
      plan.profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${plan.profileFolder}`]
    const options = ['--manifests', plan.manifests, '--state', plan.state, '--listen-port', `${plan.port}`]
    const command = [process.execPath, ...profile, main, 'control', ...options]
    this.#child = spawn('setpriv', pinned(plan.core, command), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TULLE_NODES: plan.nodes.join(',') },
    })
    this.#closed = once(this.#child, 'close')
    void this.#closed.then(() => this.#ready.reject(new Error(`control ended: ${this.#log.join('\n')}`)))
    this.#ready.promise.catch(() => undefined)
    if (this.#child.stderr === null) throw new Error('the child has no stderr')
    const lines = createInterface({ input: this.#child.stderr })
    lines.on('line', (line) => {
      if (line.includes('the control plane serves')) this.#ready.resolve()
      if (/"level":"(warn|error)"/u.test(line)) this.#log.push(line)
      if (this.#log.length > 20) this.#log.shift()
    })
  }

  /**
   * Starts one without manifests and lets it end by itself, which writes its compile cache: what is measured does
   * not hold the reader of TypeScript then, just as an installed package doesn't.
   */
  static async fillCompileCache(folder: string, port: number): Promise<void> {
    const [manifests, state] = [join(folder, 'nothing'), join(folder, 'nobody')]
    mkdirSync(manifests)
    const plan = { manifests, state, port, nodes: [], core: 0, profileFolder: undefined }
    const control = new ControlProcess(plan)
    await control.ready()
    control.#child.kill('SIGTERM')
    await control.#closed
  }

  /** Its last warnings. */
  get log(): readonly string[] {
    return this.#log
  }

  ready(): Promise<void> {
    return this.#ready.promise
  }

  /** User and system time so far. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1')
    // The command's name may hold blanks and brackets; fields are counted after it. @see proc_pid_stat(5)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** Resident memory now, the most that it ever was, and what of it is private (RssAnon). */
  memoryMiB(): { readonly now: number; readonly peak: number; readonly anonymous: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'latin1')
    const of = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'mu').exec(status)?.[1] ?? 0) / 1024
    return { now: of('VmRSS'), peak: of('VmHWM'), anonymous: of('RssAnon') }
  }

  /** Its own metrics; gauges of delays begin anew with each reading. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const asked = request({ socketPath: join(this.#state, 'control.sock'), path: '/metrics' })
    asked.end()
    const [response] = await once(asked, 'response')
    let text = ''
    for await (const chunk of response) text += String(chunk)
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(
      lines.map((line) => {
        const at = line.lastIndexOf(' ')
        return [line.slice(0, at), Number(line.slice(at + 1))]
      }),
    )
  }

  kill(): Promise<unknown> {
    this.#child.kill('SIGKILL')
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A profile is written when it ends by itself; without one nothing is lost, and its nodes need no farewell.
    this.#child.kill(this.#isProfiled ? 'SIGTERM' : 'SIGKILL')
    using _force = systemClock.after(8000, () => void this.#child.kill('SIGKILL'))
    await this.#closed
  }
}

/** The process of subscribed nodes. */
export class PeerProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  readonly #ready: Promise<unknown>

  constructor(core: number) {
    this.#child = spawn(
      'setpriv',
      pinned(core, [process.execPath, '--max-old-space-size=8192', peerProcess]),
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        serialization: 'advanced',
      },
    )
    this.#closed = once(this.#child, 'close')
    this.#ready = this.#answer('ready', AbortSignal.timeout(30_000))
    this.#ready.catch(() => undefined)
  }

  async ready(): Promise<void> {
    await this.#ready
  }

  tell(command: PeerCommand): void {
    this.#child.send(command)
  }

  async ask<K extends PeerAnswer['kind']>(
    command: PeerCommand,
    kind: K,
    timeoutMs: number,
  ): Promise<Extract<PeerAnswer, { kind: K }>> {
    const signal = AbortSignal.timeout(timeoutMs)
    const answered = this.#answer(kind, signal)
    this.tell(command)
    return answered
  }

  async #answer<K extends PeerAnswer['kind']>(
    kind: K,
    signal: AbortSignal,
  ): Promise<Extract<PeerAnswer, { kind: K }>> {
    const ended = this.#closed.then(() => {
      throw new Error('the process of the peers ended')
    })
    for (;;) {
      const [answer] = await Promise.race([once(this.#child, 'message', { signal }), ended])
      if (isAnswer(answer, kind)) return answer
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}

function isAnswer<K extends PeerAnswer['kind']>(
  answer: unknown,
  kind: K,
): answer is Extract<PeerAnswer, { kind: K }> {
  return typeof answer === 'object' && answer !== null && 'kind' in answer && answer.kind === kind
}
