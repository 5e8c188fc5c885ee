import { seededRng } from '@tulle/core'
import type { MeshState } from './mesh-state.ts'
import { decideOutbound } from './outbound-decision.ts'
import type { OutboundFacts } from './outbound-decision.ts'

/** Where 4000 connections of namespace shop to port 80 go: addresses, or the kind of decision where there is none. */
export function countDecisions(
  state: MeshState,
  facts: Pick<OutboundFacts, 'destinationIp' | 'tried' | 'caller'>,
): Map<string, number> {
  const all: OutboundFacts = {
    namespace: 'shop',
    network: '',
    destinationPort: 80,
    ownPorts: [],
    loopbackAllowed: false,
    hbonePort: 15_008,
    ...facts,
  }
  const rng = seededRng(3)
  const counts = new Map<string, number>()
  for (let i = 0; i < 4000; i++) {
    const decision = decideOutbound(state, all, rng)
    const to = decision.kind === 'hbone' ? decision.ip : decision.kind
    counts.set(to, (counts.get(to) ?? 0) + 1)
  }
  return counts
}
