import { inNetns, mountTmpfs } from '@tulle/kernel'
import type { NetnsFd } from '@tulle/kernel'
import type { LaunchList, Launch } from '@tulle/status'
import { createFabric, createNodeNetwork, createWorkloadNetwork, fabricAddress } from './node-network.ts'
import type { NodeNetwork } from './node-network.ts'

/** Where a node's proxy runs. */
export interface NodePlace {
  /** undefined = where we are. */
  readonly netns: NetnsFd | undefined
  readonly address: string
}

/** Where a workload runs. */
export interface WorkloadPlace extends Disposable {
  /** As its node's proxy is told. */
  readonly netns: NetnsFd
  /** Variables that the place gives the workload; they win over those of its manifest. */
  readonly env: Readonly<Record<string, string>>
  /** Runs `run`, which starts a process, in the workload's network. */
  enter<T>(run: () => T extends PromiseLike<unknown> ? never : T): T
  /** Whether what the mesh does not carry is dropped. */
  setStrict(strict: boolean): void
  announce(): void
}

/** Where a waypoint runs: in a network that is its own, or at an address that is. */
export interface WaypointPlace extends Disposable {
  /** undefined = where we are. */
  readonly netns: NetnsFd | undefined
  /** What the place makes it say of its listeners. */
  readonly flags: Readonly<Record<string, string>>
  announce(): void
}

export interface WaypointPlaceOptions {
  readonly node: NodePlace
  readonly slot: number
  readonly address: string
}

export interface WorkloadPlaceOptions {
  readonly node: NodePlace
  readonly slot: number
  readonly launch: Launch
  readonly list: LaunchList
}

/** The network of a mesh on this machine: namespaces of its own, or addresses of loopback. */
export interface Fabric {
  /** Where the control plane listens. */
  readonly address: string
  readonly controlFlags: Readonly<Record<string, string>>
  readonly nodeFlags: Readonly<Record<string, string>>
  /** Whether workloads see a file system, a process table and a network of their own. */
  readonly isolated: boolean
  createNode(index: number): NodePlace
  createWorkload(options: WorkloadPlaceOptions): WorkloadPlace
  createWaypoint(options: WaypointPlaceOptions): WaypointPlace
  /** Makes a folder for secrets keep them in memory, where that is possible. */
  keepInMemory(folder: string, maxBytes: number): void
}

/** In the namespaces that this process was started in; called once. */
export function namespacesFabric(): Fabric {
  createFabric()
  const networks = new Map<NodePlace, NodeNetwork>()
  const nodeOf = (place: NodePlace): NodeNetwork => {
    const node = networks.get(place)
    if (node === undefined) throw new TypeError('expected a node of this fabric')
    return node
  }
  return {
    address: fabricAddress,
    controlFlags: {},
    nodeFlags: {},
    isolated: true,
    createNode: (index) => {
      const network = createNodeNetwork(index)
      networks.set(network, network)
      return network
    },
    createWorkload: ({ node, slot, launch }) => {
      const { address, enrolled: captured } = launch
      const network = createWorkloadNetwork({ node: nodeOf(node), slot, address, captured })
      return {
        netns: network.netns,
        env: {},
        enter: (run) => inNetns(network.netns, run),
        setStrict: (strict) => network.setStrict(strict),
        announce: () => network.announce(),
        [Symbol.dispose]: () => network[Symbol.dispose](),
      }
    },
    // Nothing of a waypoint is captured: it speaks HBONE itself.
    createWaypoint: ({ node, slot, address }) => {
      const network = createWorkloadNetwork({ node: nodeOf(node), slot, address, captured: false })
      return {
        netns: network.netns,
        flags: {},
        announce: () => network.announce(),
        [Symbol.dispose]: () => network[Symbol.dispose](),
      }
    },
    keepInMemory: (target, maxBytes) => mountTmpfs({ target, maxBytes, mode: 0o700 }),
  }
}
