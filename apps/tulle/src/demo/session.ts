import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { List, SyncView, WaitView, WaypointView, WorkloadView } from '@tulle/status'
import { adminClient } from '../admin-client.ts'
import type { AdminClient } from '../admin-client.ts'
import { stateFolder } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import type { UpView } from '../up/up-api.ts'
import type { ExecResult } from '../up/workload-exec.ts'

/** A mesh that the demo started for itself, on a copy of the bookstore. */
export interface Session extends AsyncDisposable {
  readonly state: StateFolder
  readonly control: AdminClient
  readonly up: AdminClient
  readonly clock: Clock
  /** Resolves when the mesh ended, with how. */
  readonly ended: Promise<string>
  workloads(): Promise<readonly WorkloadView[]>
  /** Runs JavaScript as a workload. */
  run(workload: string, script: string): Promise<ExecResult>
  /** Changes a manifest; resolves when every node has applied it, with the milliseconds since the save. */
  edit(file: string, change: (text: string) => string): Promise<number>
  /** Resolves when the bookstore's waypoint is ready and every node leads to it what it should. */
  whenCarried(): Promise<WaypointView>
  /** The last line that the mesh said of that kind, if need be the next. */
  heard(pattern: RegExp): Promise<string>
}

export interface SessionOptions {
  readonly certificateLifetime: string
  readonly clock: Clock
  /** Gets the mesh's own output. */
  readonly onOutput: (line: string) => void
}

const startMs = 60_000
const applyMs = 30_000
const pollMs = 50
const keptLines = 200
const waypointKey = 'bookstore/tulle-waypoint'

/** A manifest of the examples that are not part of the bookstore from the start. */
export function exampleText(file: string): string {
  const folder = fileURLToPath(new URL('../../../../examples/traffic', import.meta.url))
  return readFileSync(join(folder, file), 'utf8')
}

export async function startSession(options: SessionOptions): Promise<Session> {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-demo-'))
  const manifests = join(folder, 'bookstore')
  cpSync(fileURLToPath(new URL('../../../../examples/bookstore', import.meta.url)), manifests, {
    recursive: true,
  })
  const state = stateFolder(join(folder, 'state'))
  const said: string[] = []
  const onOutput = (line: string): void => {
    said.push(line)
    if (said.length > keptLines) said.shift()
    options.onOutput(line)
  }
  const child = startUp(manifests, state, { ...options, onOutput })
  const session = new DemoSession({ folder, manifests, state, child, said, clock: options.clock })
  try {
    await session.whenRunning()
    return session
  } catch (error) {
    await session[Symbol.asyncDispose]()
    throw error
  }
}

function startUp(manifests: string, state: StateFolder, options: SessionOptions): ChildProcess {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const args = [
    main,
    'up',
    '-f',
    manifests,
    '--state',
    state.root,
    '--certificate-lifetime',
    options.certificateLifetime,
  ]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: plainEnv(process.env),
  })
  for (const input of [child.stdout, child.stderr])
    createInterface({ input }).on('line', (line) => line !== '' && options.onOutput(line))
  return child
}

/** Its lines are shown in our own colours. Node warns when both variables are set. */
function plainEnv({ FORCE_COLOR: _color, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, NO_COLOR: '1' }
}

interface Parts {
  readonly folder: string
  readonly manifests: string
  readonly state: StateFolder
  readonly child: ChildProcess
  readonly said: readonly string[]
  readonly clock: Clock
}

class DemoSession implements Session {
  readonly state: StateFolder
  readonly control: AdminClient
  readonly up: AdminClient
  readonly clock: Clock
  readonly ended: Promise<string>
  readonly #parts: Parts
  #over: string | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.state = parts.state
    this.clock = parts.clock
    this.control = adminClient(parts.state.controlSocket)
    this.up = adminClient(parts.state.upSocket)
    this.ended = new Promise((resolve) => {
      parts.child.on('error', (error) => resolve((this.#over = error.message)))
      parts.child.on('exit', (code, signal) => resolve((this.#over = signal ?? `exit code ${code ?? '?'}`)))
    })
  }

  async workloads(): Promise<readonly WorkloadView[]> {
    return (await this.control.get<List<WorkloadView>>('/v1/workloads')).items
  }

  run(workload: string, script: string): Promise<ExecResult> {
    const query = new URLSearchParams([
      ['workload', workload],
      ...['node', '--input-type=module', '-e', script].map((arg) => ['arg', arg]),
    ])
    return this.up.post<ExecResult>(`/v1/exec?${query.toString()}`)
  }

  async edit(file: string, change: (text: string) => string): Promise<number> {
    const path = join(this.#parts.manifests, file)
    let text = ''
    try {
      text = readFileSync(path, 'utf8')
    } catch {
      // A new file.
    }
    const savedMs = this.clock.monotonicMs()
    writeFileSync(path, change(text))
    await this.#whenApplied()
    return this.clock.monotonicMs() - savedMs
  }

  async whenCarried(): Promise<WaypointView> {
    const found = await this.#poll(`waypoint ${waypointKey} to be ready`, async () => {
      const { items } = await this.control.get<List<WaypointView>>('/v1/waypoints')
      return items.find(({ key, ready }) => key === waypointKey && ready)
    })
    // That it is ready is news to the nodes.
    await this.#whenApplied()
    return found
  }

  heard(pattern: RegExp): Promise<string> {
    const { said } = this.#parts
    return this.#poll(`a line like ${String(pattern)}`, async () =>
      said.findLast((line) => pattern.test(line)),
    )
  }

  async #whenApplied(): Promise<void> {
    const { revision } = await this.control.post<SyncView>('/v1/sync')
    const view = await this.control.get<WaitView>(`/v1/wait?revision=${revision}&timeoutMs=${applyMs}`)
    if (!view.applied)
      throw new Error(`revision ${revision} was not applied on every node within ${applyMs / 1000} s`)
  }

  async #poll<Found>(what: string, look: () => Promise<Found | undefined>): Promise<Found> {
    const deadlineMs = this.clock.monotonicMs() + applyMs
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      if (this.clock.monotonicMs() > deadlineMs)
        throw new Error(`waited ${applyMs / 1000} s for ${what} in vain`)
      await this.clock.sleep(pollMs)
    }
  }

  /** Resolves when every workload that has a process runs. */
  async whenRunning(): Promise<void> {
    const deadlineMs = this.clock.monotonicMs() + startMs
    for (let why = 'no answer yet'; ;) {
      if (this.#over !== undefined) throw new Error(`the mesh ended before it ran: ${this.#over}`)
      if (this.clock.monotonicMs() > deadlineMs)
        throw new Error(`the mesh did not run within ${startMs / 1000} s: ${why}`)
      try {
        const view = await this.up.get<UpView>('/v1/up')
        if (view.mode === 'loopback') break
        const wanted = (await this.workloads()).length
        const running = view.workloads.filter((workload) => workload.pid > 0).length
        if (wanted > 0 && running === wanted) return
        why = `${running} of ${wanted} workloads run`
      } catch (error) {
        why = errorText(error)
      }
      await this.clock.sleep(pollMs)
    }
    throw new Error(
      'it needs network namespaces: root, or user namespaces and unshare; tulle up -f examples/bookstore works without',
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over === undefined) this.#parts.child.kill('SIGTERM')
    await this.ended
    rmSync(this.#parts.folder, { recursive: true, force: true })
  }
}
