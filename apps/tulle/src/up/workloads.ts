import { errorText, systemRng } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { Launch, LaunchList } from '@tulle/status'
import { dataEqual } from '@tulle/core'
import type { Console } from './console.ts'
import type { HostsFiles } from './hosts-files.ts'
import { eachLine } from './lines.ts'
import type { Fabric, WorkloadPlace } from './fabric.ts'
import type { Nodes, UpNode } from './nodes.ts'
import { Supervised } from './supervised.ts'
import { launchWorkload } from './workload-process.ts'
import type { LaunchSurroundings } from './workload-process.ts'

export interface RunningWorkload {
  readonly launch: Launch
  readonly slot: number
  readonly node: UpNode
  readonly network: WorkloadPlace
  readonly process: Supervised
  /** Aborts when it is to go, also while it still waits for its node's proxy. */
  readonly leaving: AbortController
  /** Resolves when its process has been started, or could not be. */
  readonly started: Promise<void>
}

export interface WorkloadsDeps {
  readonly nodes: Nodes
  readonly fabric: Fabric
  readonly hosts: HostsFiles
  readonly surroundings: LaunchSurroundings
  readonly console: Console
  readonly clock: Clock
}

/** How long a workload may take to end after SIGTERM. */
const stopGraceMs = 5000

/** Keeps the workloads' processes as the manifests want them: starts, restarts and stops them one change at a time. */
export class Workloads {
  readonly #deps: WorkloadsDeps
  readonly #running: Map<string, RunningWorkload> = new Map()
  readonly #freeSlots: number[] = []
  #nextSlot: number = 1
  #strict: boolean = false

  constructor(deps: WorkloadsDeps) {
    this.#deps = deps
  }

  get(key: string): RunningWorkload | undefined {
    return this.#running.get(key)
  }

  list(): readonly RunningWorkload[] {
    return [...this.#running.values()]
  }

  /**
   * Makes what runs equal to what is wanted: stops what goes, begins to start what comes. Does not wait for starts,
   * so that one that hangs holds up nothing else; `started` waits for them.
   */
  async reconcile(list: LaunchList): Promise<void> {
    const { items: wanted, hosts, strict } = list
    this.#deps.hosts.update(hosts)
    this.#strict = strict
    for (const running of this.#running.values()) running.network.setStrict(strict)
    const keys = new Map(wanted.map((launch) => [workloadKey(launch), launch]))
    const leaving = [...this.#running].filter(([key, running]) => !dataEqual(keys.get(key), running.launch))
    await Promise.all(
      leaving.map(([key, running]) => this.#stop(key, running, keys.has(key) ? 'changed' : 'removed')),
    )
    for (const launch of wanted) {
      if (this.#running.has(workloadKey(launch))) continue
      try {
        await this.#begin(launch, list)
      } catch (error) {
        this.#failed(launch, error)
      }
    }
  }

  /** Resolves when every start that was begun has succeeded or failed. */
  async started(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => running.started))
  }

  /** Stops everything, in no order: what still calls finds its peers gone, as at any end. */
  async stopAll(): Promise<void> {
    for (const running of this.#running.values()) running.leaving.abort(new Error('the mesh stops'))
    await this.started()
    await Promise.all([...this.#running.values()].map((running) => running.process.stop(stopGraceMs)))
  }

  async #begin(launch: Launch, list: LaunchList): Promise<void> {
    const node = await this.#deps.nodes.ensure(launch.node)
    const slot = this.#freeSlots.pop() ?? this.#nextSlot++
    const network = this.#deps.fabric.createWorkload({ node: node.network, slot, launch, list })
    network.setStrict(this.#strict)
    const process = this.#supervise(launch, slot, network)
    const leaving = new AbortController()
    const started = this.#start({ launch, node, network, process, leaving })
    this.#running.set(workloadKey(launch), { launch, slot, node, network, process, leaving, started })
  }

  /** The proxy listens before the process runs: not a byte of it passes by. */
  async #start(
    coming: Pick<RunningWorkload, 'launch' | 'node' | 'network' | 'process' | 'leaving'>,
  ): Promise<void> {
    const { launch, node, network, process, leaving } = coming
    try {
      if (launch.enrolled) await node.enrol(launch, network.netns, leaving.signal)
    } catch (error) {
      if (!leaving.signal.aborted) this.#failed(launch, error)
      return
    }
    if (leaving.signal.aborted) return
    network.announce()
    process.start()
    const where = `started on ${launch.node} at ${launch.address}`
    this.#deps.console.say(launch.name, launch.enrolled ? where : `${where} (not in the mesh)`)
  }

  #supervise(launch: Launch, slot: number, network: WorkloadPlace): Supervised {
    const { console, hosts, surroundings, clock } = this.#deps
    const start = (): ReturnType<typeof launchWorkload> => {
      const hostsFile = hosts.pathFor(launch.namespace)
      const child = launchWorkload(launch, { network, hostsFile, slot }, surroundings)
      if (child.stdout !== null) eachLine(child.stdout, (line) => console.say(launch.name, line))
      if (child.stderr !== null) eachLine(child.stderr, (line) => console.warn(launch.name, line))
      return child
    }
    const onUnexpectedExit = (how: string, againInMs: number): void =>
      console.warn(launch.name, `${how}; starting it again in ${Math.round(againInMs)} ms`)
    return new Supervised({ name: launch.name, start, onUnexpectedExit }, { clock, rng: systemRng })
  }

  async #stop(key: string, running: RunningWorkload, why: string): Promise<void> {
    this.#running.delete(key)
    running.leaving.abort(new Error(why))
    await running.started
    await running.process.stop(stopGraceMs)
    // Before its network goes: what the proxy still has to say to the workload's peers leaves through it.
    if (running.launch.enrolled) await running.node.dismiss(running.launch)
    running.network[Symbol.dispose]()
    this.#freeSlots.push(running.slot)
    this.#deps.console.say(running.launch.name, `stopped: its manifest was ${why}`)
  }

  #failed(launch: Launch, error: unknown): void {
    this.#deps.console.warn(launch.name, `could not be started: ${errorText(error)}`)
  }
}

export function workloadKey(launch: { readonly namespace: string; readonly name: string }): string {
  return `${launch.namespace}/${launch.name}`
}
