import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { dirname } from 'node:path'
import type { Launch } from '@tulle/status'
import { compileCacheVariable } from '../compile-cache.ts'
import type { LaunchPlan } from '../launch/plan.ts'
import { chooseRunAs } from './run-as.ts'
import type { WorkloadPlace } from './fabric.ts'

/** What every launch shares. */
export interface LaunchSurroundings {
  /** The launcher's source. */
  readonly launcher: string
  readonly stateFolder: string
  /** Whether workloads have namespaces. */
  readonly isolated: boolean
  /** What workloads see as /etc/resolv.conf. */
  readonly resolverFile: string
  /** As root we can give away rights; an ordinary user has none to give. */
  readonly root: boolean
  readonly env: NodeJS.ProcessEnv
}

export interface LaunchPlace {
  readonly network: WorkloadPlace
  readonly hostsFile: string
  /** A small number that no other workload has. */
  readonly slot: number
}

/** Starts the workload's process in its own namespaces, without rights. Its output is for the caller to read. */
export function launchWorkload(
  launch: Launch,
  place: LaunchPlace,
  surroundings: LaunchSurroundings,
): ChildProcess {
  const plan = launchPlan(launch, place, surroundings)
  const command = [...process.execArgv, surroundings.launcher, JSON.stringify(plan)]
  const { [compileCacheVariable]: compileCache } = surroundings.env
  // The launcher's own environment: the workload gets that of the plan.
  const env = compileCache === undefined ? {} : { [compileCacheVariable]: compileCache }
  return place.network.enter(() =>
    spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env }),
  )
}

/** Variables of ours that a workload gets: what a program needs to run, nothing that says what we are. */
const passedOn = ['HOME', 'LANG', 'LC_ALL', 'TERM', 'TZ', 'NO_COLOR']

export function launchPlan(launch: Launch, place: LaunchPlace, surroundings: LaunchSurroundings): LaunchPlan {
  const { env } = surroundings
  const workingDir = launch.run.workingDir
  const runAs = surroundings.root
    ? chooseRunAs({ env, paths: [workingDir, process.execPath], slot: place.slot })
    : undefined
  return {
    command: launch.run.command,
    workingDir,
    parentPid: process.pid,
    env: {
      ...Object.fromEntries(passedOn.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
      // `node` in a manifest is the Node that runs the mesh.
      PATH: `${dirname(process.execPath)}:${env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'}`,
      WORKLOAD: launch.name,
      NAMESPACE: launch.namespace,
      ADDRESS: launch.address,
      ...launch.run.env,
      ...place.network.env,
    },
    ...(surroundings.isolated && {
      isolation: {
        hostsFile: place.hostsFile,
        resolverFile: surroundings.resolverFile,
        hide: surroundings.stateFolder,
      },
    }),
    ...(runAs === undefined ? {} : { runAs }),
  }
}
