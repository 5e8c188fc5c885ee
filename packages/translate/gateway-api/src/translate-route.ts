import type { GatewayTcpRouteObject, TlsRouteObject } from '@tulle/api'
import { objectKey } from '@tulle/api'
import { ageOf, objectLabel } from '@tulle/workloads'
import type { Note } from '@tulle/workloads'
import { resolveBackend } from './backends.ts'
import type { RefContext } from './backends.ts'
import { ruleOrigin, translateGrpcRules, translateHttpRules } from './http-rules.ts'
import type { RuleTranslation } from './http-rules.ts'
import { resolveParents } from './parents.ts'
import { noteOf, problemAt } from './problem-notes.ts'
import type { FieldProblem } from './problem-notes.ts'
import type { RouteTranslation, StreamRule } from './route-types.ts'
import type { RouteObject } from './routes.ts'

/** Reads a route: what it is attached to, what it asks for, and what there is to say of it. */
export function translateRoute(context: RefContext): RouteTranslation {
  const { route } = context
  const { generation } = route.metadata
  return {
    key: objectKey(route),
    kind: route.kind,
    label: objectLabel(route),
    age: ageOf(route),
    ...(generation === undefined ? {} : { generation }),
    parents: resolveParents(route, context.look, context.api),
    ...translateRules(context),
  }
}

type RulesPart = Omit<RouteTranslation, 'key' | 'kind' | 'label' | 'age' | 'generation' | 'parents'>

function translateRules(context: RefContext): RulesPart {
  const { route } = context
  switch (route.kind) {
    case 'HTTPRoute':
      return requestRules(route, translateHttpRules(route, context))
    case 'GRPCRoute':
      return requestRules(route, translateGrpcRules(route, context))
    case 'TLSRoute':
    case 'TCPRoute':
      return streamRules(route, context)
  }
}

function requestRules(route: RouteObject, rules: readonly RuleTranslation[]): RulesPart {
  const faults = rules.map((rule) => rule.faults)
  return {
    entries: rules.flatMap(({ entries }) => entries),
    ...ruleNotes(route, faults),
    ...notes({
      resolvedRefs: noteOf(rules.flatMap(({ refs }) => refs)),
      hint: noteOf(hostnamesIgnored(route), 'True'),
    }),
  }
}

/** Such routes have nothing by which several rules could differ: the first holds. */
function streamRules(route: TlsRouteObject | GatewayTcpRouteObject, context: RefContext): RulesPart {
  const backends = (route.spec.rules[0]?.backendRefs ?? []).map((ref, i) => ({
    ...resolveBackend(ref, `spec.rules[0].backendRefs[${i}]`, context),
    weight: ref.weight,
  }))
  const stream: StreamRule = {
    hostnames: route.spec.hostnames.map((name) => name.toLowerCase()),
    origin: ruleOrigin(route, 0),
    backends: backends.map(({ backend, weight }) => ({ backend, weight, filters: [] })),
  }
  const faults = route.spec.rules.map((_, i) => {
    if (i === 0) return []
    const message = `a ${route.kind} has nothing by which rules differ; its first one holds`
    return [problemAt(route, `spec.rules[${i}]`, { reason: 'UnsupportedValue', message })]
  })
  return {
    entries: [],
    stream,
    ...ruleNotes(route, faults),
    ...notes({ resolvedRefs: noteOf(backends.flatMap(({ problem }) => problem ?? [])) }),
  }
}

/**
 * A route whose rules all fail is refused; where some do, those are dropped and named.
 * @see RouteConditionPartiallyInvalid of the Gateway API: the message begins with "Dropped Rule"
 */
function ruleNotes(
  route: RouteObject,
  faults: readonly (readonly FieldProblem[])[],
): Pick<RulesPart, 'refused' | 'partiallyInvalid'> {
  const all = faults.flat()
  const note = noteOf(all)
  if (faults.length === 0) {
    const message = 'it has no rules, so that nothing is sent anywhere'
    const problem = problemAt(route, 'spec.rules', { reason: 'UnsupportedValue', message })
    return notes({ refused: noteOf([problem]) })
  }
  if (note === undefined) return {}
  const dropped = faults.flatMap((list, i) => (list.length === 0 ? [] : [i]))
  if (dropped.length === faults.length) return { refused: note }
  const names = dropped.map((i) => ruleText(route, i)).join(', ')
  const message = `Dropped Rule${dropped.length === 1 ? '' : 's'} ${names}: ${note.message}`
  return { partiallyInvalid: { ...note, status: 'True', message } }
}

function ruleText(route: RouteObject, index: number): string {
  const name = route.spec.rules[index]?.name
  return name === undefined ? `${index}` : `${index} (${name})`
}

/** @see GEP-1294, hostnames field: a mesh knows a call by the Service's address */
function hostnamesIgnored(route: RouteObject): readonly FieldProblem[] {
  if (route.spec.hostnames.length === 0) return []
  const message =
    'a mesh knows calls by the address of the Service and passes hostnames over; match the header Host instead'
  return [problemAt(route, 'spec.hostnames', { reason: 'HostnamesIgnored', message })]
}

function notes<Names extends string>(
  named: Readonly<Record<Names, Note | undefined>>,
): Partial<Readonly<Record<Names, Note>>> {
  const entries = Object.entries<Note | undefined>(named).filter(([, note]) => note !== undefined)
  // Only what was undefined is gone.
  return Object.fromEntries(entries) as Partial<Readonly<Record<Names, Note>>>
}
