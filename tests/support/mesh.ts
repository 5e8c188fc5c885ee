import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AdminClient } from '../../apps/tulle/src/admin-client.ts'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import type { StateFolder } from '../../apps/tulle/src/state-folder.ts'
import { stateFolder } from '../../apps/tulle/src/state-folder.ts'
import type { UpView } from '../../apps/tulle/src/up/up-api.ts'
import type { List, WaitView, WorkloadView } from '@tulle/status'
import { Agent } from './agent-client.ts'
import { Lines } from './lines.ts'
import type { ProcessFacts } from './processes.ts'
import { descendants } from './processes.ts'
import { patienceMs, patiently, until } from './waiting.ts'

export const checkout: string = fileURLToPath(new URL('../..', import.meta.url))
const main = join(checkout, 'apps/tulle/src/main.ts')

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface MeshOptions {
  /** Files by name, or a folder to copy. */
  readonly manifests: Readonly<Record<string, string>> | { readonly copyOf: string }
  /** The command; absent: that of the checkout. */
  readonly program?: string
  /** More arguments of `tulle up`. */
  readonly args?: readonly string[]
  /** Runs it as this user, in folders of its own. */
  readonly uid?: number
  /** Lets everybody into the folders, so that workloads get users of their own. */
  readonly open?: boolean
}

/** Folders that a mesh can be started in, again and again, and the command as it is used with them. */
export class MeshFolder implements Disposable {
  readonly root: string
  readonly manifests: string
  readonly state: StateFolder
  readonly #options: MeshOptions

  constructor(options: MeshOptions) {
    this.#options = options
    // Whoever runs the mesh reads what the test writes.
    if (options.uid !== undefined || options.open === true) process.umask(0o022)
    this.root = mkdtempSync(join(tmpdir(), 'tulle-e2e-'))
    this.manifests = join(this.root, 'manifests')
    this.state = stateFolder(join(this.root, 'state'))
    for (const folder of [
      this.manifests,
      join(this.root, 'agents'),
      join(this.root, 'home'),
      join(this.root, 'tmp'),
    ])
      mkdirSync(folder)
    if ('copyOf' in options.manifests)
      cpSync(String(options.manifests.copyOf), this.manifests, { recursive: true })
    else for (const [name, text] of Object.entries(options.manifests)) this.write(name, text)
    if (options.open === true || options.uid !== undefined) chmodSync(this.root, 0o755)
    for (const folder of ['', 'agents', 'home', 'tmp', 'manifests'])
      if (options.uid !== undefined) chownSync(join(this.root, folder), options.uid, options.uid)
  }

  /** As an editor saves: a new file in the place of the old one. */
  write(name: string, text: string): void {
    const path = join(this.manifests, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(`${path}.new~`, text)
    renameSync(`${path}.new~`, path)
  }

  read(name: string): string {
    return readFileSync(join(this.manifests, name), 'utf8')
  }

  replace(name: string, from: string, to: string): void {
    const text = this.read(name)
    if (!text.includes(from)) throw new Error(`${name} does not contain ${JSON.stringify(from)}`)
    this.write(name, text.replace(from, to))
  }

  /** Runs `tulle ARGS`, as the mesh's user; a state folder is named for it. */
  tulle(...args: readonly string[]): Promise<CommandResult> {
    const [verb = '', ...rest] = args
    const child = this.#spawn([verb, '--state', this.state.root, ...rest])
    return collect(child)
  }

  /** A `tulle up` that nobody has waited for yet. */
  spawnUp(): ChildProcess {
    return this.#spawn([
      'up',
      '-f',
      this.manifests,
      '--state',
      this.state.root,
      ...(this.#options.args ?? []),
    ])
  }

  async start(): Promise<Mesh> {
    const mesh = new Mesh(this, this.spawnUp())
    try {
      await mesh.whenRunning()
      return mesh
    } catch (error) {
      await mesh[Symbol.asyncDispose]()
      throw error
    }
  }

  #spawn(args: readonly string[]): ChildProcess {
    const { uid, program = main } = this.#options
    const env = {
      ...process.env,
      // The command has one of its own, and must not read that of another user.
      NODE_COMPILE_CACHE: undefined,
      NO_COLOR: '1',
      HOME: join(this.root, 'home'),
      TMPDIR: join(this.root, 'tmp'),
    }
    const node = [process.execPath, ...process.execArgv, program, ...args]
    const [command = '', ...rest] =
      uid === undefined
        ? node
        : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--', ...node]
    return spawn(command, rest, { cwd: this.root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** A mesh that runs. */
export class Mesh implements AsyncDisposable {
  readonly folder: MeshFolder
  readonly lines: Lines = new Lines()
  readonly control: AdminClient
  readonly up: AdminClient
  /** Resolves with the exit code, or the name of the signal. */
  readonly ended: Promise<number | NodeJS.Signals>
  readonly #child: ChildProcess
  #over: boolean = false

  constructor(folder: MeshFolder, child: ChildProcess) {
    this.folder = folder
    this.#child = child
    this.control = adminClient(folder.state.controlSocket)
    this.up = adminClient(folder.state.upSocket)
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) this.lines.read(stream)
    this.ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.#over = true
        alive.delete(child)
        resolve(code ?? signal ?? -1)
      })
    })
    alive.add(child)
  }

  async whenRunning(): Promise<void> {
    const running = this.lines.find(/ workloads run after /u)
    const ended = this.ended.then((how) => {
      if (this.lines.all().some((line) => line.includes(' workloads run after '))) return
      throw new Error(`the mesh ended (${how}):\n${this.lines.all().join('\n')}`)
    })
    await Promise.race([running, ended])
  }

  /** Every process of the mesh, the one that was started first included. */
  processes(): readonly ProcessFacts[] {
    return descendants(this.#child.pid ?? -1)
  }

  /** The pid on this machine of `control`, a node or `namespace/workload`. */
  async pidOf(name: string): Promise<number> {
    const { nodes, workloads } = await this.up.get<UpView>('/v1/up')
    const inner =
      nodes.find((node) => node.name === name)?.pid ??
      workloads.find(({ workload }) => workload === name)?.pid
    const isIt = (one: ProcessFacts): boolean =>
      name === 'control' ? one.command.includes(' control --manifests=') : one.innerPid === inner
    const found = this.processes().find(isIt)
    if (found === undefined) throw new Error(`no process of the mesh is ${name}`)
    return found.pid
  }

  /** Waits until every node has applied what the folder says; with the milliseconds it took. */
  async settle(): Promise<WaitView> {
    const { revision } = await this.control.post<{ readonly revision: number }>('/v1/sync')
    const view = await this.control.get<WaitView>(`/v1/wait?revision=${revision}&timeoutMs=${patienceMs}`)
    if (!view.applied) throw new Error(`revision ${revision} was not applied: ${JSON.stringify(view.nodes)}`)
    return view
  }

  /** The workload's own address. A caller outside of the mesh needs it: a service's address only leads there inside. */
  async addressOf(workload: string): Promise<string> {
    const { items } = await this.control.get<List<WorkloadView>>('/v1/workloads')
    const address = items.find(({ namespace, name }) => `${namespace}/${name}` === workload)?.addresses[0]
    if (address === undefined) throw new Error(`${workload} has no address`)
    return address
  }

  /** The agent that runs as the workload `name`, when it answers. */
  async agent(name: string): Promise<Agent> {
    const agent = new Agent(join(this.folder.root, 'agents', `${name}.sock`))
    await until(
      () => agent.ready(),
      () => `agent ${name} does not answer`,
    )
    return agent
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Sends the signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | NodeJS.Signals> {
    this.kill(signal)
    return await patiently(`the mesh ends after ${signal}`, this.ended)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over) return
    try {
      await this.stop('SIGTERM')
    } catch {
      // It hangs: whatever the test says, nothing of it may stay.
      this.#child.kill('SIGKILL')
      await this.ended
    }
  }
}

/** Meshes end with the test's process, also when a runner loses patience with it. */
const alive: Set<ChildProcess> = new Set()
const killAll = (): void => alive.forEach((child) => child.kill('SIGKILL'))
process.on('exit', killAll)
process.once('SIGTERM', () => {
  killAll()
  process.exit(143)
})

async function collect(child: ChildProcess): Promise<CommandResult> {
  const texts: [string, string] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => (texts[0] += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (texts[1] += chunk.toString()))
  const exitCode = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)))
  return { exitCode, stdout: texts[0], stderr: texts[1] }
}
