import { dataEqual, errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { LaunchList, WaypointView } from '@tulle/status'
import { makePrivate } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import type { Console } from './console.ts'
import type { Fabric, WaypointPlace } from './fabric.ts'
import type { Nodes } from './nodes.ts'
import { flagList, roleProcess } from './role-process.ts'
import type { RoleProcess } from './role-process.ts'

export interface WaypointsOptions {
  readonly state: StateFolder
  readonly main: string
  readonly controlPort: number
  /** Of all waypoints alike. */
  readonly waypointArgs: readonly string[]
  /** What starts processes that end with this one, where no namespace ends them. */
  readonly launcher?: string
}

export interface WaypointsDeps {
  readonly fabric: Fabric
  /** Whose networks waypoints are in. */
  readonly nodes: Nodes
  readonly console: Console
  readonly clock: Clock
}

/** What makes one waypoint another process. */
type Wanted = Pick<WaypointView, 'key' | 'address' | 'node' | 'namespace' | 'name'>

interface Running {
  readonly wanted: Wanted
  readonly slot: number
  readonly place: WaypointPlace
  readonly process: RoleProcess
}

/** Names of network links are made of slots: those of workloads begin at 1. */
const firstSlot = 30_000
const stopGraceMs = 7000
/** How long what runs through one that leaves may take to finish: as long as the control plane lets it. */
const drainDeadlineMs = 30_000
const leaveGraceMs = drainDeadlineMs + 2000
const secretsMaxBytes = 16 * 1024 ** 2

/** Keeps a process for each waypoint of the mesh, in a place of its own: it is no workload, and nothing of it is captured. */
export class Waypoints {
  readonly #options: WaypointsOptions
  readonly #deps: WaypointsDeps
  readonly #running: Map<string, Running> = new Map()
  /** Those that finish what runs through them; others of their name come after them. */
  readonly #leaving: Map<string, Running> = new Map()
  /** Names of nodes whose folder and token are there. */
  readonly #prepared: Set<string> = new Set()
  readonly #freeSlots: number[] = []
  #nextSlot: number = firstSlot
  #list: LaunchList | undefined
  /** One change at a time. */
  #changing: Promise<void> = Promise.resolve()

  constructor(options: WaypointsOptions, deps: WaypointsDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Makes what runs equal to what is wanted. What leaves is not waited for. */
  reconcile(list: LaunchList): Promise<void> {
    this.#list = list
    this.#changing = this.#changing.then(() => this.#change())
    return this.#changing
  }

  async #change(): Promise<void> {
    const list = this.#list
    if (list === undefined) return
    const staying = list.waypoints.filter(({ leaving }) => leaving !== 'ending')
    const wanted = new Map(staying.map((view) => [view.key, wantedOf(view)]))
    for (const [key, running] of this.#running)
      if (!dataEqual(wanted.get(key), running.wanted)) void this.#leave(key, running)
    for (const [key, one] of wanted) {
      if (this.#running.has(key) || this.#leaving.has(key)) continue
      try {
        await this.#begin(one)
      } catch (error) {
        this.#deps.console.warn(one.name, `could not be started: ${errorText(error)}`)
      }
    }
  }

  async stopAll(): Promise<void> {
    this.#list = undefined
    await this.#changing
    const all = [...this.#running.values(), ...this.#leaving.values()]
    await Promise.all(all.map(({ process }) => process.stop(stopGraceMs)))
  }

  async #begin(wanted: Wanted): Promise<void> {
    const { console, fabric, nodes, clock } = this.#deps
    const [node] = await nodes.list()
    // The first workload brings the first node, and another list comes with it.
    if (node === undefined) return
    const { state, main, launcher } = this.#options
    await this.#prepare(wanted.node)
    const slot = this.#freeSlots.pop() ?? this.#nextSlot++
    const place = fabric.createWaypoint({ node: node.network, slot, address: wanted.address ?? '' })
    const process = roleProcess(
      {
        name: wanted.name,
        args: this.#args(wanted, place),
        main,
        logs: state.logs,
        ...(place.netns === undefined ? {} : { netns: place.netns }),
        ...(launcher === undefined ? {} : { launcher }),
      },
      { console, clock },
    )
    this.#running.set(wanted.key, { wanted, slot, place, process })
    place.announce()
    process.start()
    console.say(wanted.name, `waypoint of ${wanted.namespace} started at ${wanted.address ?? ''}`)
  }

  /** Once for each name: whoever comes back has its folder, in memory, and its token. */
  async #prepare(node: string): Promise<void> {
    if (this.#prepared.has(node)) return
    const { fabric, nodes } = this.#deps
    const folder = this.#options.state.node(node)
    makePrivate(folder.root)
    makePrivate(folder.secrets)
    fabric.keepInMemory(folder.secrets, secretsMaxBytes)
    await nodes.keepToken(node, folder.token)
    this.#prepared.add(node)
  }

  async #leave(key: string, running: Running): Promise<void> {
    const { slot, place, process, wanted } = running
    this.#running.delete(key)
    this.#leaving.set(key, running)
    await process.stop(leaveGraceMs)
    place[Symbol.dispose]()
    this.#freeSlots.push(slot)
    this.#leaving.delete(key)
    this.#deps.console.say(wanted.name, 'stopped: nothing needs it any more')
    // It may be wanted again by now.
    if (this.#list !== undefined) await this.reconcile(this.#list)
  }

  #args({ key, node }: Wanted, place: WaypointPlace): readonly string[] {
    const { state, controlPort, waypointArgs } = this.#options
    const folder = state.node(node)
    const flags = {
      waypoint: key,
      control: `${this.#deps.fabric.address}:${controlPort}`,
      'control-roots': state.controlRoots,
      token: folder.token,
      secrets: folder.secrets,
      'admin-socket': folder.adminSocket,
      'drain-deadline': `${drainDeadlineMs}ms`,
      ...place.flags,
    }
    return ['waypoint', ...flagList(flags), ...waypointArgs]
  }
}

/** Without what changes while it runs. */
function wantedOf({ key, address, node, namespace, name }: WaypointView): Wanted {
  return { key, node, namespace, name, ...(address === undefined ? {} : { address }) }
}
