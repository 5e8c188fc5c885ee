import type { Condition } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import { conditionSet, noWaypointNote } from '@tulle/workloads'
import type { ConditionSubject, Note, Notes } from '@tulle/workloads'
import { firstLabels, maxEntriesOfPort } from './merge-routes.ts'
import type { Attachment, RouteParent, RouteTranslation } from './route-types.ts'
import { groupKey } from './service-routes.ts'
import type { GroupOutcome, ServiceOutcome } from './service-routes.ts'
import { ruleKey } from './shared-sessions.ts'

/** What is to be said of each route, parent by parent; keyed by `objectKey`. */
export function deriveRouteConditions(
  graph: Graph,
  routes: Collection<RouteTranslation>,
  outcomes: Collection<ServiceOutcome>,
): Collection<readonly Condition[]> {
  return graph.derive('gateway-route-conditions', routes, (route, look) =>
    routeConditions(route, (service) => look.one(outcomes, service)),
  )
}

type OutcomeOf = (service: string) => ServiceOutcome | undefined

function routeConditions(route: RouteTranslation, outcomeOf: OutcomeOf): readonly Condition[] {
  if (route.parents.length === 0) return conditionSet({ accepted: noParent }, subjectOf(route))
  return route.parents.flatMap((parent) => {
    const { index, label } = parent
    const notes = parentNotes(route, parent, outcomeOf)
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

function parentNotes(route: RouteTranslation, parent: RouteParent, outcomeOf: OutcomeOf): Notes {
  const { resolvedRefs } = route
  const { attachment, note } = parent
  if (attachment === undefined) return { resolvedRefs, accepted: note }
  if (route.refused !== undefined) return { resolvedRefs, accepted: route.refused }
  const outcome = outcomeOf(attachment.service)
  const groups = attachment.ports.flatMap(
    ({ port }) => outcome?.get(groupKey(port, attachment.callers)) ?? [],
  )
  const lost = groups.filter(({ heard }) => !heard.has(route.key))
  const [first] = lost
  const conflict: Note | undefined =
    first === undefined
      ? undefined
      : {
          reason: first.leftOut.some(({ key }) => key === route.key) ? 'TooManyMatches' : 'Conflicted',
          message: lost.map((group) => lostText(route, attachment, group)).join('; '),
        }
  if (conflict !== undefined && lost.length === groups.length)
    return { resolvedRefs, accepted: { ...conflict, status: 'False' }, conflicted: conflict }
  return {
    resolvedRefs,
    accepted: joined([note, route.hint, sessionNote(route, groups)]),
    conflicted: conflict,
    partiallyInvalid: route.partiallyInvalid,
    programmed: noWaypointNote('requests go to the endpoints of the Service as if there were no route'),
  }
}

/** Why another is heard instead. */
function lostText(route: RouteTranslation, { label }: Attachment, group: GroupOutcome): string {
  const { port, winners, leftOut } = group
  if (leftOut.some(({ key }) => key === route.key))
    return `older routes leave no room on port ${port} of ${label}: there may be ${maxEntriesOfPort} matches`
  const names = firstLabels(winners).join(' and ')
  return `${names} ${winners.length === 1 ? 'goes' : 'go'} before it on port ${port} of ${label}`
}

/** What is to be known besides, under the reason of the first. */
function joined(notes: readonly (Note | undefined)[]): Note | undefined {
  const [first, ...rest] = notes.filter((note) => note !== undefined)
  if (first === undefined) return undefined
  return { ...first, message: [first, ...rest].map(({ message }) => message).join('; ') }
}

/** Sessions that other rules have, on any of the ports. */
function sessionNote(route: RouteTranslation, groups: readonly GroupOutcome[]): Note | undefined {
  const own = new Set(route.entries.map(({ entry }) => ruleKey(entry.rule.origin)))
  const lost = groups.flatMap(({ sharedSessions }) =>
    [...own].flatMap((key) => {
      const shared = sharedSessions.get(key)
      return shared === undefined
        ? []
        : [`rule ${shared.rule} keeps no session: ${shared.holder} has one named ${shared.name}`]
    }),
  )
  if (lost.length === 0) return undefined
  return { reason: 'SessionNameReused', message: [...new Set(lost)].join('; ') }
}
