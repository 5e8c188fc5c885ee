import { z } from 'zod'
import { defined } from '@tulle/core'
import { gatewayGroup } from '../gateway-kinds.ts'
import type { RouteSpec, StreamRouteRuleSpec } from '../gateway-kinds.ts'
import {
  backendRef,
  backendRefSpec,
  parentRefs,
  parentRefSpec,
  repeatedRuleNames,
  upTo,
  wildcardHostname,
} from '../gateway-shapes.ts'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { checked, closed, dnsName } from '../shapes.ts'

const rule = closed({ name: dnsName.optional(), backendRefs: upTo(backendRef, 16).min(1) })

/** v1 has exactly one rule: there is nothing by which several could differ. */
function fields(maxRules: number): {
  readonly parentRefs: z.ZodDefault<typeof parentRefs>
  readonly useDefaultGateways: z.ZodOptional<z.ZodType<string>>
  readonly rules: z.ZodArray<typeof rule>
} {
  return {
    parentRefs: parentRefs.default([]),
    useDefaultGateways: z.enum(['All', 'None']).optional(),
    rules: checked(upTo(rule, maxRules).min(1), repeatedRuleNames),
  }
}

const misplaced = { 'spec.rules.matches': 'the rule of this kind covers every connection; it has no matches' }

function portRoute(kind: 'TCPRoute' | 'UDPRoute', version: 'v1' | 'v1alpha2'): KindVersion {
  return kindVersion({
    group: gatewayGroup,
    version,
    kind,
    namespaced: true,
    spec: closed(fields(version === 'v1' ? 1 : 16)),
    misplaced: {
      ...misplaced,
      'spec.matches': `a ${kind} of specs.smi-spec.io has that; this one has "rules"`,
    },
    toHub: (raw, { namespace }) => streamSpec({ ...raw, hostnames: [] }, namespace),
  })
}

function tlsRoute(version: 'v1' | 'v1alpha2' | 'v1alpha3'): KindVersion {
  const hostnames = upTo(wildcardHostname, 1024)
  const spec =
    version === 'v1alpha2'
      ? closed({ ...fields(16), hostnames: hostnames.default([]) })
      : closed({ ...fields(1), hostnames: hostnames.min(1) })
  return kindVersion({
    group: gatewayGroup,
    version,
    kind: 'TLSRoute',
    namespaced: true,
    spec,
    misplaced,
    toHub: (raw, { namespace }) => streamSpec(raw, namespace),
  })
}

export const streamRoutes: readonly KindVersion[] = [
  tlsRoute('v1'),
  tlsRoute('v1alpha3'),
  tlsRoute('v1alpha2'),
  portRoute('TCPRoute', 'v1'),
  portRoute('TCPRoute', 'v1alpha2'),
  portRoute('UDPRoute', 'v1'),
  portRoute('UDPRoute', 'v1alpha2'),
]

interface RawStreamRoute {
  readonly parentRefs: z.output<typeof parentRefs>
  readonly hostnames: readonly string[]
  readonly rules: readonly z.output<typeof rule>[]
}

function streamSpec(raw: RawStreamRoute, namespace: string): RouteSpec<StreamRouteRuleSpec> {
  return {
    parentRefs: raw.parentRefs.map((ref) => parentRefSpec(ref, namespace)),
    hostnames: raw.hostnames,
    rules: raw.rules.map(({ name, backendRefs }) =>
      defined({ name, backendRefs: backendRefs.map((ref) => backendRefSpec(ref, namespace)) }),
    ),
  }
}
