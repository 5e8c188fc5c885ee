import { z } from 'zod'
import { kindVersion } from '../kind-version.ts'
import type { HubContext, KindVersion } from '../kind-version.ts'
import type { SubjectSpec, TargetRuleSpec, TrafficTargetSpec } from '../kinds.ts'
import { checked, closed, dnsLabel, dnsName, list, nonEmpty, quote, someOf, textOf } from '../shapes.ts'
import type { Fault } from '../shapes.ts'

const group = 'access.smi-spec.io'

const subject = closed({
  kind: checked(textOf('ServiceAccount'), subjectKindFaults),
  name: dnsName,
  namespace: dnsLabel.optional(),
  // Only v1alpha4's text shows it, and no published schema has it. @see SMI Traffic Access v1alpha4
  group: checked(z.string(), function* (value) {
    if (value !== group && value !== '')
      yield { code: 'API_BAD_VALUE', message: `found ${quote(value)}; expected ${group}, or leave it out` }
  }).optional(),
})

const rule = checked(
  closed({
    kind: z.enum(['HTTPRouteGroup', 'TCPRoute', 'UDPRoute']),
    name: dnsName,
    matches: someOf(nonEmpty, 'leave the field out for all matches of the group').optional(),
  }),
  function* ({ kind, matches }) {
    if (kind === 'HTTPRouteGroup' || matches === undefined) return
    const message = `a ${kind} has no named matches; leave the field out, or name an HTTPRouteGroup`
    yield { code: 'API_BAD_VALUE', message, path: ['matches'] }
  },
)

const spec = closed({
  destination: subject,
  // Whoever takes the last source out means that nobody may call: refusing that would leave the last good version,
  // and with it the door, open. What is left then is "sources:", which YAML reads as null.
  sources: z.preprocess((value) => (value === null ? [] : value), list(subject)),
  rules: someOf(rule, 'expected at least one route'),
})

const removedPort = 'version v1alpha3 took it away; name the ports in a TCPRoute and that route in "rules"'

function trafficTarget(version: string): KindVersion {
  return kindVersion({
    group,
    version,
    kind: 'TrafficTarget',
    namespaced: true,
    spec,
    misplaced: {
      'spec.destination.port': removedPort,
      'spec.sources.port': removedPort,
      'spec.specs': 'up to v1alpha1 it was called so; write "rules"',
      specs: 'up to v1alpha1 it stood here; write "rules" under "spec"',
      destination: 'up to v1alpha1 it stood here; it belongs under "spec"',
      sources: 'up to v1alpha1 it stood here; it belongs under "spec"',
      rules: 'it belongs under "spec"',
    },
    toHub: targetSpec,
  })
}

export const trafficTargetV1alpha3: KindVersion = trafficTarget('v1alpha3')
export const trafficTargetV1alpha4: KindVersion = trafficTarget('v1alpha4')

function targetSpec(raw: z.output<typeof spec>, { namespace }: HubContext): TrafficTargetSpec {
  // @see design §9.3: empty namespaces are the object's own
  const subjectSpec = (entry: z.output<typeof subject>): SubjectSpec => ({
    kind: entry.kind,
    name: entry.name,
    namespace: entry.namespace ?? namespace,
  })
  return {
    destination: subjectSpec(raw.destination),
    sources: raw.sources.map(subjectSpec),
    rules: raw.rules.map(({ kind, name, matches }): TargetRuleSpec => ({
      kind,
      name,
      ...(matches === undefined ? {} : { matches }),
    })),
  }
}

function* subjectKindFaults(kind: string): Generator<Fault> {
  if (kind === 'ServiceAccount') return
  if (kind === 'IdentityBinding') {
    const message = 'IdentityBinding is not read yet; name ServiceAccounts, one entry each'
    yield { code: 'API_UNSUPPORTED_KIND', message }
    return
  }
  const meant = ['serviceaccount', 'serviceaccounts', 'sa'].includes(kind.toLowerCase())
  const hint = meant ? '; did you mean "ServiceAccount"?' : ''
  yield { code: 'API_BAD_VALUE', message: `found ${quote(kind)}; expected ServiceAccount${hint}` }
}
