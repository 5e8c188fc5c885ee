import { rmSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorText, linkedController } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { adminServer, silentLog } from '@tulle/runtime'
import type { AdminServer } from '@tulle/runtime'
import type { LaunchList, VersionView } from '@tulle/status'
import { adminClient } from '../admin-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { formatDuration } from '../output/format.ts'
import { makePrivate } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import type { Console } from './console.ts'
import { HostsFiles } from './hosts-files.ts'
import { modeHeadlines } from './mode.ts'
import type { UpMode } from './mode.ts'
import { createFabric, fabricAddress } from './node-network.ts'
import { Nodes } from './nodes.ts'
import { flagList, roleProcess } from './role-process.ts'
import type { Supervised } from './supervised.ts'
import { upRoutes } from './up-api.ts'
import { Workloads } from './workloads.ts'

export interface InnerOptions {
  readonly mode: UpMode
  readonly manifests: string
  readonly state: StateFolder
  /** The command's source, for the roles' processes. */
  readonly main: string
  readonly controlArgs: readonly string[]
  readonly nodeArgs: readonly string[]
  /** Tells when all of the first manifests' workloads run. */
  readonly onRunning?: () => void
}

export interface InnerDeps {
  readonly console: Console
  readonly clock: Clock
  /** Aborts to stop everything. */
  readonly stop: AbortSignal
}

const controlPort = 15_012
const controlReadyMs = 20_000
const controlGraceMs = 6000
const pollMs = 25

/**
 * The mesh on one machine, as the first process of its own namespaces: control plane, then nodes and workloads as
 * the manifests want them, until it is told to stop; then workloads, node proxies, control plane.
 */
export async function runInner(options: InnerOptions, deps: InnerDeps): Promise<void> {
  const { state, mode } = options
  const { console, clock } = deps
  const startMs = clock.monotonicMs()
  prepareState(state)
  createFabric()
  console.plain(`tulle up · ${modeHeadlines[mode]}`)
  console.plain(
    `manifests ${options.manifests} · state ${state.root} (keys and addresses; safe to delete while stopped)`,
  )
  const control = startControl(options, deps)
  const nodes = new Nodes({ state, main: options.main, controlPort, nodeArgs: options.nodeArgs }, deps)
  const hosts = new HostsFiles(state.hosts)
  const surroundings = {
    launcher: fileURLToPath(new URL('../launch/main.ts', import.meta.url)),
    stateFolder: state.root,
    resolverFile: hosts.resolverFile,
    root: mode === 'root',
    env: process.env,
  }
  const workloads = new Workloads({ nodes, hosts, surroundings, console, clock })
  const api = adminServer(
    {
      listen: { socketPath: state.upSocket },
      routes: upRoutes({ mode, nodes, workloads, hosts, surroundings, clock }),
    },
    { clock, log: silentLog },
  )
  try {
    await api.start(deps.stop)
    await controlReady(control, state, deps)
    await followManifests(options, deps, { workloads, startMs })
  } finally {
    await shutDown({ api, workloads, nodes, control }, deps)
    rmSync(state.lock, { force: true })
  }
}

function prepareState(state: StateFolder): void {
  makePrivate(state.root)
  makePrivate(state.logs)
  writeFileSync(state.lock, `${process.pid}\n`, { mode: 0o600 })
}

function startControl(options: InnerOptions, { console, clock }: InnerDeps): Supervised {
  const { state, main } = options
  const flags = {
    manifests: options.manifests,
    state: state.root,
    nodes: '',
    'listen-host': fabricAddress,
    'listen-port': String(controlPort),
  }
  const args = ['control', ...flagList(flags), ...options.controlArgs]
  const control = roleProcess({ name: 'control', args, main, logs: state.logs }, { console, clock })
  control.start()
  return control
}

/** Waits for the control plane's first answer; what it says while it fails is on the console already. */
async function controlReady(
  control: Supervised,
  state: StateFolder,
  { clock, stop }: InnerDeps,
): Promise<void> {
  const client = adminClient(state.controlSocket)
  const deadlineMs = clock.monotonicMs() + controlReadyMs
  for (;;) {
    try {
      await client.get<VersionView>('/v1/version')
      return
    } catch (error) {
      if (stop.aborted) throw error
      if (control.restarts > 0 || clock.monotonicMs() > deadlineMs) {
        throw new CommandError(
          exitCodes.failed,
          `the control plane did not start; what it said is above and in ${resolve(state.logs, 'control.log')}`,
          { cause: error },
        )
      }
    }
    await clock.sleep(pollMs)
  }
}

interface Following {
  readonly workloads: Workloads
  readonly startMs: number
}

/** Each answer is the whole list: nothing is missed when the control plane is started again in between. */
async function followManifests(options: InnerOptions, deps: InnerDeps, following: Following): Promise<void> {
  const { state } = options
  const { console, clock, stop } = deps
  let first = true
  while (!stop.aborted) {
    using life = linkedController(stop)
    try {
      for await (const list of adminClient(state.controlSocket).watch<LaunchList>(
        '/v1/launches?watch=1',
        life.signal,
      )) {
        await following.workloads.reconcile(list)
        if (first) {
          await following.workloads.started()
          const count = following.workloads.list().length
          console.say(
            'tulle',
            `${count} workloads run after ${formatDuration(clock.monotonicMs() - following.startMs)}; Ctrl-C stops them`,
          )
          options.onRunning?.()
        }
        first = false
      }
    } catch (error) {
      if (!stop.aborted)
        console.warn('tulle', `the control plane is away (${errorText(error)}); what runs goes on`)
    }
    if (!stop.aborted) await clock.sleep(200, { signal: stop }).catch(() => undefined)
  }
}

interface Running {
  readonly api: AdminServer
  readonly workloads: Workloads
  readonly nodes: Nodes
  readonly control: Supervised
}

async function shutDown(
  { api, workloads, nodes, control }: Running,
  { console, clock }: InnerDeps,
): Promise<void> {
  const startMs = clock.monotonicMs()
  console.say('tulle', 'stopping the workloads, the node proxies, the control plane')
  await api[Symbol.asyncDispose]()
  await workloads.stopAll()
  await nodes.stopAll()
  await control.stop(controlGraceMs)
  console.say(
    'tulle',
    `stopped after ${formatDuration(clock.monotonicMs() - startMs)}; nothing is left but the state folder`,
  )
}

/** Calls `onGone` when the process that started us is gone: the pipe on descriptor 3 ends. */
export function whenParentIsGone(onGone: () => void): void {
  const pipe = new Socket({ fd: 3, readable: true, writable: false })
  pipe.on('close', onGone)
  pipe.on('error', onGone)
  pipe.resume()
  pipe.unref()
}
