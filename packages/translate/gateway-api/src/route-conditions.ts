import type { Condition } from '@tulle/api'
import type { Collection, Graph, Index } from '@tulle/collections'
import { conditionSet, noWaypointNote } from '@tulle/workloads'
import type { ConditionSubject, Note, Notes } from '@tulle/workloads'
import type { Attachment, RouteParent, RouteTranslation } from './route-types.ts'
import { outcomeOf } from './service-routes.ts'
import { sharedSessionsOf } from './shared-sessions.ts'

/** What is to be said of each route, parent by parent; keyed by `objectKey`. */
export function deriveRouteConditions(
  graph: Graph,
  routes: Collection<RouteTranslation>,
  routesByService: Index<RouteTranslation>,
): Collection<readonly Condition[]> {
  return graph.derive('gateway-route-conditions', routes, (route, look) =>
    routeConditions(route, (service) => look.by(routesByService, service)),
  )
}

/** `others` finds every route that is attached to a service. */
export function routeConditions(
  route: RouteTranslation,
  others: (service: string) => readonly RouteTranslation[],
): readonly Condition[] {
  if (route.parents.length === 0) return conditionSet({ accepted: noParent }, subjectOf(route))
  return route.parents.flatMap((parent) => {
    const { index, label } = parent
    const notes = parentNotes(route, parent, others)
    return conditionSet(notes, { ...subjectOf(route), parent: { index, label } })
  })
}

const noParent: Note = {
  status: 'False',
  reason: 'NoMatchingParent',
  message: 'it names no parent: write the Service that it is for into spec.parentRefs',
}

function subjectOf({ generation }: RouteTranslation): ConditionSubject {
  return generation === undefined ? {} : { observedGeneration: generation }
}

function parentNotes(
  route: RouteTranslation,
  parent: RouteParent,
  others: (service: string) => readonly RouteTranslation[],
): Notes {
  const { resolvedRefs } = route
  const { attachment, note } = parent
  if (attachment === undefined) return { resolvedRefs, accepted: note }
  if (route.refused !== undefined) return { resolvedRefs, accepted: route.refused }
  const lost = lostPorts(route, parent, others(attachment.service))
  if (lost.everywhere) {
    const conflict = { reason: 'Conflicted', message: lost.message }
    return { resolvedRefs, accepted: { ...conflict, status: 'False' }, conflicted: conflict }
  }
  return {
    resolvedRefs,
    accepted: joined([note, route.hint, sessionNote(route, attachment, others(attachment.service))]),
    conflicted: lost.message === '' ? undefined : { reason: 'Conflicted', message: lost.message },
    partiallyInvalid: route.partiallyInvalid,
    programmed: noWaypointNote('requests go to the endpoints of the Service as if there were no route'),
  }
}

/** Ports on which routes of another kind, or an older one, are heard instead. */
function lostPorts(
  route: RouteTranslation,
  { attachment }: RouteParent,
  attached: readonly RouteTranslation[],
): { readonly everywhere: boolean; readonly message: string } {
  if (attachment === undefined) return { everywhere: false, message: '' }
  const { service, label, callers, ports } = attachment
  const lost = ports.flatMap(({ port }) => {
    const { winners } = outcomeOf({ service, port }, callers, attached)
    if (winners.some(({ key }) => key === route.key)) return []
    const before = winners.map((winner) => winner.label).join(' and ')
    return [`${before} ${winners.length === 1 ? 'goes' : 'go'} before it on port ${port} of ${label}`]
  })
  return { everywhere: lost.length === ports.length, message: lost.join('; ') }
}

/** What is to be known besides, under the reason of the first. */
function joined(notes: readonly (Note | undefined)[]): Note | undefined {
  const [first, ...rest] = notes.filter((note) => note !== undefined)
  if (first === undefined) return undefined
  return { ...first, message: [first, ...rest].map(({ message }) => message).join('; ') }
}

/** Sessions that other rules have, on any of the ports. */
function sessionNote(
  route: RouteTranslation,
  { service, callers, ports }: Attachment,
  attached: readonly RouteTranslation[],
): Note | undefined {
  const lost = ports.flatMap(({ port }) => {
    const { winners } = outcomeOf({ service, port }, callers, attached)
    const own = new Set(route.entries.map(({ entry }) => entry.rule))
    return [...sharedSessionsOf(winners)].flatMap(([rule, holder]) =>
      own.has(rule)
        ? [
            `rule ${rule.origin.rule} keeps no session: ${holder.label} has one named ${rule.session?.name ?? ''}`,
          ]
        : [],
    )
  })
  if (lost.length === 0) return undefined
  return { reason: 'SessionNameReused', message: [...new Set(lost)].join('; ') }
}
