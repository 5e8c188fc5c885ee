/**
 * The launcher: started inside a workload's network namespace, it becomes the workload's program after giving up
 * everything that a workload must not have. Nothing may run between its start and `execve` but this.
 */
import { existsSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { errorText } from '@tulle/core'
import {
  bindMount,
  defaultSignal,
  dropCapabilities,
  execProcess,
  hideFolder,
  setIds,
  setNoNewPrivs,
  setParentDeathSignal,
  unshareMount,
} from '@tulle/kernel'
import type { LaunchIsolation, LaunchPlan } from './plan.ts'
import { findProgram } from './find-program.ts'

const resolverPath = '/etc/resolv.conf'

function isolate({ hostsFile, resolverFile, hide }: LaunchIsolation): void {
  unshareMount()
  bindMount({ source: hostsFile, target: '/etc/hosts' })
  if (existsSync(resolverPath)) bindMount({ source: resolverFile, target: resolverPath })
  hideFolder(hide)
}

function launch(plan: LaunchPlan): never {
  if (plan.isolation !== undefined) isolate(plan.isolation)
  if (plan.runAs !== undefined) setIds({ ...plan.runAs, groups: [] })
  if (plan.isolation !== undefined) {
    setNoNewPrivs()
    dropCapabilities()
  }
  // After the change of ids, which would clear it.
  setParentDeathSignal('SIGKILL', plan.parentPid)
  defaultSignal('SIGPIPE')
  const [program = ''] = plan.command
  const path = findProgram(program, plan.workingDir, plan.env['PATH'] ?? '')
  return execProcess({ path, argv: plan.command, env: plan.env, workingDirectory: plan.workingDir })
}

try {
  // What runs next in this process is not Node's end, at which the cache would be written.
  flushCompileCache()
  // Our own parent wrote it.
  launch(JSON.parse(process.argv[2] ?? '{}') as LaunchPlan)
} catch (error) {
  process.stderr.write(`cannot be started: ${errorText(error)}\n`)
  process.exit(126)
}
