import { z } from 'zod'
import { defined } from '@tulle/core'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import type { TrafficSplitSpec } from '../kinds.ts'
import { checked, closed, dnsName, quote, someOf } from '../shapes.ts'

/** Whole numbers, also where they are written as 50.0: the published schema says "number". @see design §9.9 */
const weight = checked(z.number(), function* (value) {
  if (Number.isInteger(value) && value >= 0 && value <= 1_000_000_000) return
  yield { code: 'API_BAD_VALUE', message: `found ${value}; expected a whole number of 0–1000000000` }
})

const group = 'specs.smi-spec.io'

const matchRef = closed({
  apiGroup: checked(z.string(), function* (value) {
    if (value === group || value === '') return
    yield { code: 'API_BAD_VALUE', message: `found ${quote(value)}; expected ${group}, or leave it out` }
  }).optional(),
  kind: z.enum(['HTTPRouteGroup']),
  name: dnsName,
})

const spec = closed({
  service: dnsName,
  backends: someOf(closed({ service: dnsName, weight }), 'expected at least one backend'),
  matches: someOf(matchRef, 'leave the field out for every request').optional(),
})

function trafficSplit(version: string): KindVersion {
  return kindVersion({
    group: 'split.smi-spec.io',
    version,
    kind: 'TrafficSplit',
    namespaced: true,
    spec,
    misplaced: {
      'spec.rootService': 'write "service"',
      'spec.backends.name': 'write "service"',
      service: 'it belongs under "spec"',
      backends: 'it belongs under "spec"',
    },
    toHub: splitSpec,
  })
}

export const trafficSplitV1alpha3: KindVersion = trafficSplit('v1alpha3')
export const trafficSplitV1alpha4: KindVersion = trafficSplit('v1alpha4')

function splitSpec({ service, backends, matches }: z.output<typeof spec>): TrafficSplitSpec {
  return defined({
    service,
    backends,
    matches: matches?.map(({ kind, name }) => ({ kind, name })),
  })
}
