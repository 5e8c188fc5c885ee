import {
  addAddress,
  addRoute,
  closeFd,
  createBridge,
  createVeth,
  deleteLink,
  inNetns,
  installCapture,
  newNetns,
  removeCapture,
  setLinkMaster,
  setLinkUp,
} from '@tulle/kernel'
import type { NetnsFd } from '@tulle/kernel'

/** The mesh's own network: node addresses are its first, workloads' come after. One flat link, as in a small cluster. */
const prefixBits = 16
const networkPrefix = '10.77'
export const fabricAddress = `${networkPrefix}.0.1`
const fabricBridge = 'fabric'
const nodeBridge = 'workloads'
/** The node's end of its link to the fabric: what passes here passes between nodes. */
export const uplinkName = 'uplink'
const firstNodeHost = 10

/** The bridge that stands for the network between the nodes. Call once, inside the mesh's own namespace. */
export function createFabric(): void {
  setLinkUp('lo')
  createBridge(fabricBridge)
  addAddress(fabricBridge, fabricAddress, prefixBits)
  setLinkUp(fabricBridge)
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
  createVeth({ name: fabricEnd, peerName: uplinkName, peerNetns: netns })
  setLinkMaster(fabricEnd, fabricBridge)
  setLinkUp(fabricEnd)
  inNetns(netns, () => {
    setLinkUp('lo')
    createBridge(nodeBridge)
    addAddress(nodeBridge, address, prefixBits)
    setLinkMaster(uplinkName, nodeBridge)
    setLinkUp(uplinkName)
    setLinkUp(nodeBridge)
  })
  return { netns, address }
}

/** A workload: a namespace with one link to its node's bridge, and everything else routed that way. */
export interface WorkloadNetwork extends Disposable {
  readonly netns: NetnsFd
}

export interface WorkloadNetworkOptions {
  readonly node: NodeNetwork
  readonly slot: number
  readonly address: string
  /** Whether the node proxy carries its traffic. */
  readonly captured: boolean
}

export function createWorkloadNetwork({ node, slot, address, captured }: WorkloadNetworkOptions): WorkloadNetwork {
  const netns = newNetns()
  const nodeEnd = `w${slot}`
  inNetns(node.netns, () => {
    createVeth({ name: nodeEnd, peerName: 'eth0', peerNetns: netns })
    setLinkMaster(nodeEnd, nodeBridge)
    setLinkUp(nodeEnd)
  })
  inNetns(netns, () => {
    setLinkUp('lo')
    setLinkUp('eth0')
    addAddress('eth0', address, prefixBits)
    // Virtual addresses lead nowhere, but a packet to one needs a route before it is redirected.
    addRoute({ destination: 'default', via: node.address })
  })
  if (captured) installCapture({ netns })
  return {
    netns,
    [Symbol.dispose]: () => {
      if (captured) removeCapture({ netns })
      inNetns(node.netns, () => deleteLink(nodeEnd))
      closeFd(netns)
    },
  }
}
