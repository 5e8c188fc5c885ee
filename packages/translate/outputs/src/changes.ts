import type { Origin, TrafficTargetObject } from '@tulle/api'
import type { Workload } from '@tulle/mesh'
import type { RoutedRequest } from '@tulle/routing'
import { accountKey } from '@tulle/smi'
import type { ResolvedRule } from '@tulle/smi'
import { objectLabel } from '@tulle/workloads'
import type { MeshSettings } from '@tulle/workloads'
import { coversRequest } from './access-looks.ts'
import type { TracedPolicy, TracedTarget } from './policy-looks.ts'
import { placeOf, placeText } from './text.ts'

/** A call, as far as policy cares. */
export interface Call {
  readonly from: Workload
  readonly to: Workload
  readonly port: number
  /** Whether the destination sees an identity. */
  readonly identified: boolean
  /** Where a waypoint reads it: what is asked, as far as that was said. */
  readonly read?: { readonly request: RoutedRequest | undefined }
}

/** What would let a refused call through, the smallest change first. */
export function changesToAllow(call: Call, policies: readonly TracedPolicy[]): readonly string[] {
  if (!call.identified) return [enrolCallerText(call)]
  const ways = policies.map(({ traced }) => (traced === undefined ? [] : stepsFor(call, traced)))
  const possible = ways.filter((steps) => steps.length > 0).toSorted((a, b) => a.length - b.length)
  if (possible.length === 0) return [writeTargetText(call)]
  return possible.map((steps) => steps.join(', and '))
}

/** What would refuse a call that passes. `admitted` are the targets that allow it. */
export function changesToRefuse(
  call: Call,
  admitted: readonly TracedTarget[],
  settings: MeshSettings,
): readonly string[] {
  if (call.to.tunnel === 'none') return [enrolDestinationText(call)]
  const steps =
    admitted.length === 0
      ? [closeText(call)]
      : admitted.map(({ target, translation }) => {
          const account = accountKey(call.from)
          const source = translation.sources.find((entry) => accountKey(entry) === account)
          const place = placeOf(
            target,
            source === undefined ? 'spec.sources' : `spec.sources[${source.index}]`,
          )
          return `take ServiceAccount ${account} out of spec.sources of ${objectLabel(target)} (${placeText(place)})`
        })
  const mode =
    settings.access === 'audit'
      ? ['set access of the Mesh object to enforce-selected: it only audits now']
      : []
  return [[...steps, ...mode].join(', and ')]
}

/** What one target still lacks to allow the call. */
function stepsFor(call: Call, traced: TracedTarget): readonly string[] {
  const { target, translation } = traced
  const account = accountKey(call.from)
  const listed = translation.sources.some((source) => accountKey(source) === account)
  const place = placeText(placeOf(target, 'spec.sources'))
  const sourceSteps = listed
    ? []
    : [`add ServiceAccount ${account} to spec.sources of ${objectLabel(target)} (${place})`]
  return [...sourceSteps, ...ruleSteps(call, traced)]
}

function ruleSteps(call: Call, traced: TracedTarget): readonly string[] {
  const { target, translation } = traced
  const label = objectLabel(target)
  const http = translation.rules.find(({ protocol }) => protocol === 'http')
  if (http !== undefined && call.read !== undefined) return readSteps(call.read.request, traced, http)
  if (http !== undefined) {
    const place = placeText(placeOf(target, `spec.rules[${http.index}]`))
    return [`bind a waypoint for HTTPRouteGroup ${http.name}, or take that rule out of ${label} (${place})`]
  }
  const tcp = translation.rules.filter(({ protocol }) => protocol === 'tcp')
  if (tcp.some((rule) => traced.opens(rule, call.port))) return []
  for (const rule of tcp) {
    if (rule.route !== undefined)
      return [widenText(call, { target, name: rule.name, covered: traced.covered(rule), route: rule.route })]
  }
  const [lost] = tcp
  if (lost !== undefined)
    return [`write the TCPRoute ${target.metadata.namespace}/${lost.name} that ${label} refers to`]
  return [
    `add a TCPRoute with port ${call.port} to spec.rules of ${label} (${placeText(placeOf(target, 'spec.rules'))})`,
  ]
}

/** Where a waypoint reads requests. */
function readSteps(
  request: RoutedRequest | undefined,
  traced: TracedTarget,
  { name, index, route }: ResolvedRule,
): readonly string[] {
  const { target } = traced
  const label = `HTTPRouteGroup ${target.metadata.namespace}/${name}`
  if (request === undefined) return [`ask for what ${label} covers`]
  if (coversRequest(traced, request)) return []
  if (route === undefined) return [`write the ${label} that ${objectLabel(target)} refers to`]
  const place = placeText(route)
  const asked = `${request.method} ${request.path}`
  const { matches } = target.spec.rules[index] ?? {}
  const named = matches === undefined ? '' : `, and name it in spec.rules[${index}].matches`
  return [`let a match of ${label} cover ${asked} (${place})${named}`]
}

interface Widening {
  readonly target: TrafficTargetObject
  readonly name: string
  readonly covered: string
  readonly route: Origin
}

function widenText({ port }: Call, { target, name, covered, route }: Widening): string {
  const label = `TCPRoute ${target.metadata.namespace}/${name}`
  return `${label} covers ${covered}, the call goes to ${port}: add ${port} to its spec.matches.ports (${placeText(route)})`
}

const enrolment = 'hbone: true, and no label dataplane-mode: none'

function enrolCallerText({ from }: Call): string {
  return `enrol ${labelOf(from)} (${enrolment}): its calls show no identity, so that no TrafficTarget can let them in`
}

function enrolDestinationText({ to }: Call): string {
  return `enrol ${labelOf(to)} (${enrolment}), so that a node proxy decides there`
}

function writeTargetText({ from, to, port }: Call): string {
  return `write a TrafficTarget in namespace ${to.namespace} with destination ServiceAccount ${accountKey(to)}, source ServiceAccount ${accountKey(from)} and a TCPRoute with port ${port}`
}

function closeText({ to }: Call): string {
  return `write a TrafficTarget in namespace ${to.namespace} with destination ServiceAccount ${accountKey(to)}: then only its sources may call`
}

function labelOf(workload: Workload): string {
  return `Workload ${workload.namespace}/${workload.name}`
}
