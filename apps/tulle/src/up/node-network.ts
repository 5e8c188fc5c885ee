import { writeFileSync } from 'node:fs'
import { errorCode } from '@tulle/core'
import {
  announceAddress,
  closeFd,
  inNetns,
  installCapture,
  installStrictDrop,
  newNetns,
  removeStrictDrop,
  withRtnetlink,
} from '@tulle/kernel'
import type { NetnsFd, Rtnetlink } from '@tulle/kernel'

/** The mesh's own network: one flat link, as in a small cluster. The first addresses are the nodes'. */
const prefixLength = 16
const networkPrefix = '10.77'
/** Where the control plane listens. */
export const fabricAddress: string = `${networkPrefix}.0.1`
const fabricBridge = 'fabric'
const nodeBridge = 'workloads'
/** The node's end of its link to the fabric: what passes here passes between nodes. */
export const uplinkName = 'uplink'
const firstNodeHost = 10

/** The bridge that stands for the network between the nodes. Called once, inside the mesh's own namespace. */
export function createFabric(): void {
  withRtnetlink(undefined, (route) => {
    route.setLink('lo', { up: true })
    addBridge(route, fabricBridge, fabricAddress)
    route.addAddress({ link: fabricBridge, address: fabricAddress, prefixLength })
    route.setLink(fabricBridge, { up: true })
  })
}

/** A node: a namespace with a bridge for its workloads and one link to the fabric. */
export interface NodeNetwork {
  readonly netns: NetnsFd
  readonly address: string
}

export function createNodeNetwork(index: number): NodeNetwork {
  const netns = newNetns()
  const address = `${networkPrefix}.0.${firstNodeHost + index}`
  const fabricEnd = `node${index}`
  withRtnetlink(undefined, (route) => {
    route.addVeth({ name: fabricEnd }, { name: uplinkName, netns })
    route.setLink(fabricEnd, { master: fabricBridge, up: true })
  })
  withRtnetlink(netns, (route) => {
    route.setLink('lo', { up: true })
    addBridge(route, nodeBridge, address)
    route.addAddress({ link: nodeBridge, address, prefixLength })
    route.setLink(uplinkName, { master: nodeBridge, up: true })
    route.setLink(nodeBridge, { up: true })
  })
  return { netns, address }
}

/** A workload: a namespace with one link to its node's bridge, and everything else routed that way. */
export interface WorkloadNetwork extends Disposable {
  readonly netns: NetnsFd
  /** Whether what the mesh does not carry is dropped; nothing of a workload that is not in the mesh is. */
  setStrict(strict: boolean): void
  /** Tells the others where the address is now: it may have been elsewhere a moment ago. */
  announce(): void
}

export interface WorkloadNetworkOptions {
  readonly node: NodeNetwork
  readonly slot: number
  readonly address: string
  /** Whether the node proxy carries its traffic. */
  readonly captured: boolean
}

export function createWorkloadNetwork(options: WorkloadNetworkOptions): WorkloadNetwork {
  const { node, slot, address } = options
  const netns = newNetns()
  const nodeEnd = `w${slot}`
  withRtnetlink(node.netns, (route) => {
    route.addVeth({ name: nodeEnd }, { name: 'eth0', netns })
    route.setLink(nodeEnd, { master: nodeBridge, up: true })
  })
  allowLowPorts(netns)
  withRtnetlink(netns, (route) => {
    route.setLink('lo', { up: true })
    route.setLink('eth0', { mac: macOf(address), up: true })
    route.addAddress({ link: 'eth0', address, prefixLength })
    // Virtual addresses lead nowhere, but a packet to one needs a route before it is redirected.
    route.setRoute({ family: 4, via: node.address })
  })
  if (options.captured) installCapture({ netns })
  let isStrict = false
  return {
    netns,
    setStrict: (strict) => {
      if (!options.captured || strict === isStrict) return
      if (strict) installStrictDrop({ netns, between: [`${networkPrefix}.0.0/${prefixLength}`] })
      else removeStrictDrop({ netns })
      isStrict = strict
    },
    announce: () => announceAddress({ netns, link: 'eth0', address }),
    [Symbol.dispose]: () => {
      withRtnetlink(node.netns, (route) => route.deleteLink(nodeEnd))
      closeFd(netns)
    },
  }
}

/**
 * A bridge takes the least link address of its ports unless it was given one: whenever a workload came or went, its
 * neighbours could lose whoever has `address` until their caches run out.
 */
function addBridge(route: Rtnetlink, name: string, address: string): void {
  route.addBridge(name)
  route.setLink(name, { mac: macOf(address) })
}

/** One link address for each address: a workload that comes back is where its neighbours still think it is. */
function macOf(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))
  return ['02', '00', ...octets].join(':')
}

/** A workload without capabilities may listen on port 80 of its own network, as in a container. */
function allowLowPorts(netns: NetnsFd): void {
  try {
    // /proc/sys/net shows the namespace of the thread that opens it.
    inNetns(netns, () => writeFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', '0'))
  } catch (error) {
    // In a container /proc/sys may be read-only: then low ports stay closed to workloads, and nothing else changes.
    if (errorCode(error) !== 'EROFS' && errorCode(error) !== 'EACCES') throw error
  }
}
