import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closeFd, inNetns, newNetns, withRtnetlink } from '@tulle/kernel'
import type { NetnsFd } from '@tulle/kernel'
import { createFabric, createNodeNetwork, createWorkloadNetwork } from './node-network.ts'

const workloads = 12

function bridgeMac(netns: NetnsFd): string {
  return withRtnetlink(netns, (route) => route.links().find(({ kind }) => kind === 'bridge')?.mac ?? 'none')
}

test('a node, and the fabric, keep their link address while workloads and nodes come and go', () => {
  const mesh = newNetns()
  inNetns(mesh, createFabric)
  const fabricMac = bridgeMac(mesh)
  const node = inNetns(mesh, () => createNodeNetwork(0))
  const nodeMac = bridgeMac(node.netns)
  const seen = new Set<string>()
  // The links of workloads have random addresses: one of so many is the least of all, all but surely.
  for (let slot = 0; slot < workloads; slot++) {
    const address = `10.77.1.${slot}`
    const workload = createWorkloadNetwork({ node, slot, address, captured: false })
    seen.add(bridgeMac(node.netns))
    workload[Symbol.dispose]()
    seen.add(bridgeMac(node.netns))
    closeFd(inNetns(mesh, () => createNodeNetwork(slot + 1)).netns)
  }
  assert.deepEqual([...seen], [nodeMac])
  assert.equal(bridgeMac(mesh), fabricMac)
  closeFd(node.netns)
  closeFd(mesh)
})
