import { defined } from '@tulle/core'
import { gatewayGroup } from '../gateway-kinds.ts'
import type { ReferenceGrantSpec } from '../gateway-kinds.ts'
import { groupName, kindName, upTo } from '../gateway-shapes.ts'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { closed, dnsLabel, dnsName } from '../shapes.ts'

const spec = closed({
  from: upTo(closed({ group: groupName, kind: kindName, namespace: dnsLabel }), 16).min(1),
  to: upTo(closed({ group: groupName, kind: kindName, name: dnsName.optional() }), 16).min(1),
})

function referenceGrant(version: string): KindVersion {
  return kindVersion({
    group: gatewayGroup,
    version,
    kind: 'ReferenceGrant',
    namespaced: true,
    spec,
    misplaced: { 'spec.to.namespace': 'a grant speaks for its own namespace; leave it out' },
    toHub: ({ from, to }): ReferenceGrantSpec => ({ from, to: to.map((target) => defined(target)) }),
  })
}

export const referenceGrantV1: KindVersion = referenceGrant('v1')
export const referenceGrantV1beta1: KindVersion = referenceGrant('v1beta1')
