/** A launcher of a workload, for tests: does to itself what argv[2] (JSON) says, then becomes a shell. */
import { enterNetns, openNetns, unshareMount } from '../netns.ts'
import {
  bindMount,
  defaultSignal,
  dropCapabilities,
  execProcess,
  hideFolder,
  mountTmpfs,
  setIds,
  setNoNewPrivs,
  setParentDeathSignal,
} from '../process.ts'
import type { Ids } from '../process.ts'

export interface LaunchPlan {
  readonly script: string
  readonly parentPid: number
  readonly netns?: string
  readonly ids?: Ids
  readonly hide?: string
  readonly tmpfs?: string
  readonly bind?: { readonly source: string; readonly target: string }
}

const plan = JSON.parse(process.argv[2] ?? '{}') as LaunchPlan // written by the test beside it
if (plan.netns !== undefined) enterNetns(openNetns(plan.netns))
unshareMount()
if (plan.bind !== undefined) bindMount({ ...plan.bind, readOnly: true })
if (plan.tmpfs !== undefined) mountTmpfs({ target: plan.tmpfs, maxBytes: 65_536, mode: 0o711 })
if (plan.hide !== undefined) hideFolder(plan.hide)
if (plan.ids !== undefined) setIds(plan.ids)
dropCapabilities()
setNoNewPrivs()
setParentDeathSignal('SIGKILL', plan.parentPid)
defaultSignal('SIGPIPE')
execProcess({
  path: '/bin/sh',
  argv: ['sh', '-c', plan.script],
  env: { PATH: '/usr/bin:/bin' },
  workingDirectory: '/',
})
