import type { Origin, TrafficTargetObject } from '@tulle/api'
import type { ResolvedRule } from '@tulle/smi'
import { targetPorts } from '@tulle/smi'
import { objectLabel } from '@tulle/workloads'
import type { Workload } from '@tulle/mesh'
import type { MeshModel } from './mesh-model.ts'
import type { TracedPolicy } from './policy-looks.ts'
import { placeOf, placeText, portsText } from './text.ts'

/** A call, as far as policy cares. */
export interface Call {
  readonly from: Workload
  readonly to: Workload
  readonly port: number
  /** Whether the destination sees an identity. */
  readonly identified: boolean
}

/** What would let a refused call through, the smallest change first. */
export function changesToAllow(
  model: MeshModel,
  call: Call,
  policies: readonly TracedPolicy[],
): readonly string[] {
  if (!call.identified) return [enrolText(call)]
  const ways = policies.map((traced) => stepsFor(model, call, traced)).filter((steps) => steps.length > 0)
  const shortest = ways.toSorted((a, b) => a.length - b.length).map((steps) => steps.join(', and '))
  return shortest.length > 0 ? shortest : [writeTargetText(call)]
}

/** What would refuse a call that passes. */
export function changesToRefuse(
  model: MeshModel,
  call: Call,
  decider: TracedPolicy | undefined,
): readonly string[] {
  if (call.to.tunnel === 'none') {
    return [
      `enrol ${labelOf(call.to)} (hbone: true, and no label dataplane-mode: none), so that a node proxy decides there`,
    ]
  }
  if (decider?.target === undefined) return [closeText(model, call)]
  const account = accountOf(call.from)
  const index = decider.translation?.sources.find(
    (source) => `${source.namespace}/${source.serviceAccount}` === account,
  )
  const path = index === undefined ? 'spec.sources' : `spec.sources[${index.index}]`
  const place = placeText(placeOf(decider.target, path))
  return [`take ServiceAccount ${account} out of spec.sources of ${objectLabel(decider.target)} (${place})`]
}

/** What one target still lacks to allow the call; empty where it can't. */
function stepsFor(model: MeshModel, call: Call, { target, translation }: TracedPolicy): readonly string[] {
  if (target === undefined || translation === undefined) return []
  const account = accountOf(call.from)
  const listed = translation.sources.some(
    (source) => `${source.namespace}/${source.serviceAccount}` === account,
  )
  const sourceStep = listed
    ? []
    : [
        `add ServiceAccount ${account} to spec.sources of ${objectLabel(target)} (${placeText(placeOf(target, 'spec.sources'))})`,
      ]
  return [...sourceStep, ...ruleSteps({ model, call, target }, translation.rules)]
}

interface RuleContext {
  readonly model: MeshModel
  readonly call: Call
  readonly target: TrafficTargetObject
}

function ruleSteps(context: RuleContext, rules: readonly ResolvedRule[]): readonly string[] {
  const { target } = context
  const http = rules.find(({ protocol }) => protocol === 'http')
  if (http !== undefined) {
    const place = placeText(placeOf(target, `spec.rules[${http.index}]`))
    return [
      `bind a waypoint for HTTPRouteGroup ${http.name}, or take that rule out of ${objectLabel(target)} (${place})`,
    ]
  }
  const tcp = rules.filter(({ protocol }) => protocol === 'tcp')
  if (tcp.some((rule) => covers(context, rule))) return []
  const [found] = tcp.filter(({ route }) => route !== undefined)
  if (found !== undefined) return [widenText(context, found, found.route ?? target.origin)]
  const [lost] = tcp
  if (lost !== undefined)
    return [
      `write the TCPRoute ${target.metadata.namespace}/${lost.name} that ${objectLabel(target)} refers to`,
    ]
  const place = placeText(placeOf(target, 'spec.rules'))
  return [`add a TCPRoute with port ${context.call.port} to spec.rules of ${objectLabel(target)} (${place})`]
}

function widenText({ call, target }: RuleContext, rule: ResolvedRule, route: Origin): string {
  const name = `TCPRoute ${target.metadata.namespace}/${rule.name}`
  return `${name} covers ${portsText(rule.ports)}, the call goes to ${call.port}: add ${call.port} to its spec.matches.ports (${placeText(route)})`
}

function covers({ model, call }: RuleContext, rule: ResolvedRule): boolean {
  if (rule.ports === 'all') return true
  const ownPorts = model.workloadPorts.get(call.to.uid) ?? []
  return targetPorts(rule.ports, call.to, ownPorts).ports.includes(call.port)
}

function enrolText({ from }: Call): string {
  return `enrol ${labelOf(from)} (hbone: true, and no label dataplane-mode: none): its calls show no identity, so that no TrafficTarget can let them in`
}

function writeTargetText({ from, to, port }: Call): string {
  return `write a TrafficTarget in namespace ${to.namespace} with destination ServiceAccount ${accountOf(to)}, source ServiceAccount ${accountOf(from)} and a TCPRoute with port ${port}`
}

function closeText(model: MeshModel, { to }: Call): string {
  const { access } = model.settings.value
  if (access === 'audit')
    return 'set access of the Mesh object to enforce-selected or enforce: the mesh only audits now'
  return `write a TrafficTarget in namespace ${to.namespace} with destination ServiceAccount ${accountOf(to)}: then only its sources may call`
}

function accountOf(workload: Workload): string {
  return `${workload.namespace}/${workload.serviceAccount}`
}

function labelOf(workload: Workload): string {
  return `Workload ${workload.namespace}/${workload.name}`
}
