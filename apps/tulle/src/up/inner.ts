import { existsSync, rmSync, writeFileSync } from 'node:fs'
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
import { namespacesFabric } from './fabric.ts'
import type { Fabric } from './fabric.ts'
import { HostsFiles } from './hosts-files.ts'
import { LoopbackFabric } from './loopback.ts'
import { modeHeadline } from './mode.ts'
import type { ChosenMode } from './mode.ts'
import { Nodes } from './nodes.ts'
import { flagList, roleProcess } from './role-process.ts'
import type { Supervised } from './supervised.ts'
import { upRoutes } from './up-api.ts'
import { Waypoints } from './waypoints.ts'
import { Workloads } from './workloads.ts'

export interface InnerOptions {
  readonly chosen: ChosenMode
  readonly manifests: string
  readonly state: StateFolder
  /** The command's source, for the roles' processes. */
  readonly main: string
  readonly controlArgs: readonly string[]
  readonly nodeArgs: readonly string[]
  readonly waypointArgs: readonly string[]
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
  const { state, chosen } = options
  const { mode } = chosen
  const { console, clock } = deps
  const startMs = clock.monotonicMs()
  prepareState(state, mode === 'loopback')
  const fabric = mode === 'loopback' ? new LoopbackFabric(state.root, state.listeners) : namespacesFabric()
  const launcher = fileURLToPath(new URL('../launch/main.ts', import.meta.url))
  console.plain(`tulle up · ${modeHeadline(chosen)}`)
  console.plain(
    `manifests ${options.manifests} · state ${state.root} (keys and addresses; safe to delete while stopped)`,
  )
  const roles = { fabric, ...(fabric.isolated ? {} : { launcher }) }
  const control = startControl(options, roles, deps)
  const nodes = new Nodes(
    { state, main: options.main, controlPort, nodeArgs: options.nodeArgs, ...roles },
    deps,
  )
  const hosts = new HostsFiles(state.hosts)
  const surroundings = {
    launcher,
    isolated: fabric.isolated,
    stateFolder: state.root,
    resolverFile: hosts.resolverFile,
    root: mode === 'root',
    env: process.env,
  }
  const workloads = new Workloads({ nodes, fabric, hosts, surroundings, console, clock })
  const waypoints = new Waypoints(
    {
      state,
      main: options.main,
      controlPort,
      waypointArgs: options.waypointArgs,
      ...(fabric.isolated ? {} : { launcher }),
    },
    { fabric, nodes, console, clock },
  )
  const api = adminServer(
    {
      listen: { socketPath: state.upSocket },
      routes: upRoutes({ mode, nodes, workloads, hosts, surroundings, clock }),
    },
    { clock, log: silentLog },
  )
  try {
    await api.start(deps.stop)
    nodes.trustDomain = (await controlReady(control, state, deps)).trustDomain
    await followManifests(options, deps, { workloads, waypoints, startMs })
  } finally {
    await shutDown({ api, workloads, waypoints, nodes, control }, deps)
    rmSync(state.lock, { force: true })
  }
}

/** Keys and addresses of one kind of mesh are none of the other's. Throws a CommandError. */
function prepareState(state: StateFolder, isLoopback: boolean): void {
  makePrivate(state.root)
  if (existsSync(state.tokenKey) && existsSync(state.listeners) !== isLoopback) {
    const [was, is] = isLoopback ? ['namespaces', 'loopback'] : ['loopback', 'namespaces']
    throw new CommandError(
      exitCodes.usage,
      `the state folder ${state.root} is of a mesh with --mode ${was}, this one has ${is}; delete it, or give this one another with --state`,
    )
  }
  makePrivate(state.logs)
  writeFileSync(state.lock, `${process.pid}\n`, { mode: 0o600 })
}

interface Roles {
  readonly fabric: Fabric
  readonly launcher?: string
}

function startControl(
  options: InnerOptions,
  { fabric, launcher }: Roles,
  { console, clock }: InnerDeps,
): Supervised {
  const { state, main } = options
  const flags = {
    manifests: options.manifests,
    state: state.root,
    nodes: '',
    'listen-host': fabric.address,
    'listen-port': String(controlPort),
    ...fabric.controlFlags,
  }
  const args = ['control', ...flagList(flags), ...options.controlArgs]
  const control = roleProcess(
    { name: 'control', args, main, logs: state.logs, ...(launcher === undefined ? {} : { launcher }) },
    { console, clock },
  )
  control.start()
  return control
}

/** Waits for the control plane's first answer; what it says while it fails is on the console already. */
async function controlReady(
  control: Supervised,
  state: StateFolder,
  { clock, stop }: InnerDeps,
): Promise<VersionView> {
  const client = adminClient(state.controlSocket)
  const deadlineMs = clock.monotonicMs() + controlReadyMs
  for (;;) {
    try {
      return await client.get<VersionView>('/v1/version')
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
  readonly waypoints: Waypoints
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
        await following.waypoints.reconcile(list)
        if (first) await sayRunning(options, deps, following)
        first = false
      }
    } catch (error) {
      if (!stop.aborted)
        console.warn('tulle', `the control plane is away (${errorText(error)}); what runs goes on`)
    }
    if (!stop.aborted) await clock.sleep(200, { signal: stop }).catch(() => undefined)
  }
}

/** Returns at once when it is to stop: a workload may be waiting for what never comes. */
async function sayRunning(
  { onRunning }: InnerOptions,
  { console, clock, stop }: InnerDeps,
  { workloads, startMs }: Following,
): Promise<void> {
  await Promise.race([workloads.started(), aborted(stop)])
  if (stop.aborted) return
  const took = formatDuration(clock.monotonicMs() - startMs)
  console.say('tulle', `${workloads.list().length} workloads run after ${took}; Ctrl-C stops them`)
  onRunning?.()
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

interface Running {
  readonly api: AdminServer
  readonly workloads: Workloads
  readonly waypoints: Waypoints
  readonly nodes: Nodes
  readonly control: Supervised
}

async function shutDown(
  { api, workloads, waypoints, nodes, control }: Running,
  { console, clock }: InnerDeps,
): Promise<void> {
  const startMs = clock.monotonicMs()
  console.say('tulle', 'stopping the workloads, the node proxies, the control plane')
  await api[Symbol.asyncDispose]()
  await workloads.stopAll()
  await waypoints.stopAll()
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
