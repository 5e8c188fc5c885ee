import type { ApiCollections, Condition } from '@tulle/api'
import type { Collection, Graph, Index, Look } from '@tulle/collections'
import { compareAge, conditionSet, noWaypointNote } from '@tulle/workloads'
import type { Note, Notes } from '@tulle/workloads'
import type { SplitPort, SplitTranslation } from './split-types.ts'
import { translateSplit } from './traffic-split.ts'

/** Ports of services on which something else decides for every caller, with the labels of what does; by `serviceKey`. */
export type TakenPorts = Collection<ReadonlyMap<number, string>>

export interface SplitModel {
  /** Keyed by `objectKey`. */
  readonly splits: Collection<SplitTranslation>
  /** What the split that holds for a service does on each port that is its to decide, keyed by `serviceKey`. */
  readonly serviceSplits: Collection<readonly SplitPort[]>
  /** Of every TrafficSplit, keyed by `objectKey`. */
  readonly conditions: Collection<readonly Condition[]>
}

export function deriveSplits(graph: Graph, api: ApiCollections, taken: TakenPorts): SplitModel {
  const splits = graph.derive('traffic-splits', api.trafficSplits, (split, look) =>
    translateSplit(split, look, api),
  )
  const byService = graph.index('splits-by-service', splits, ({ service }) =>
    service === undefined ? [] : [service],
  )
  const serviceSplits = graph.deriveMany('service-splits', splits, (split, look) => {
    const { service } = split
    if (service === undefined || holderOf(split, look, byService).key !== split.key) return []
    const others = look.one(taken, service)
    const ports = split.ports.filter(({ port }) => others?.has(port) !== true)
    return ports.length === 0 ? [] : [[service, ports] as const]
  })
  const conditions = graph.derive('traffic-split-conditions', splits, (split, look) => {
    const holder = holderOf(split, look, byService)
    const others = split.service === undefined ? undefined : look.one(taken, split.service)
    const nested = split.ports.flatMap(({ routes }) =>
      nestedRoots(split, routes, (key) => look.by(byService, key)),
    )
    return splitConditions(split, { holder, taken: others ?? new Map(), nested: [...new Set(nested)] })
  })
  return { splits, serviceSplits, conditions }
}

/** Of several splits for one service the oldest holds (§9.7). */
function holderOf(split: SplitTranslation, look: Look, byService: Index<SplitTranslation>): SplitTranslation {
  if (split.service === undefined) return split
  const [oldest = split] = look.by(byService, split.service).toSorted((a, b) => compareAge(a.age, b.age))
  return oldest
}

/** Backends that have a split of their own, which is not followed: splits do not nest (§9.7). */
function nestedRoots(
  split: SplitTranslation,
  routes: SplitPort['routes'],
  splitsOf: (service: string) => readonly SplitTranslation[],
): readonly string[] {
  const backends =
    routes.kind === 'http'
      ? (routes.entries[0]?.rule.backends ?? [])
      : routes.kind === 'tcp'
        ? routes.backends
        : []
  return backends.flatMap(({ backend }) =>
    backend.kind === 'service' && backend.service !== split.service && splitsOf(backend.service).length > 0
      ? [backend.service]
      : [],
  )
}

interface SplitFacts {
  readonly holder: SplitTranslation
  readonly taken: ReadonlyMap<number, string>
  readonly nested: readonly string[]
}

export function splitConditions(split: SplitTranslation, facts: SplitFacts): readonly Condition[] {
  const { generation } = split
  return conditionSet(
    splitNotes(split, facts),
    generation === undefined ? {} : { observedGeneration: generation },
  )
}

function splitNotes(split: SplitTranslation, { holder, taken, nested }: SplitFacts): Notes {
  const { refused } = split
  if (refused !== undefined) return { accepted: { ...refused, status: 'False' } }
  const refs = joined(split.refs, 'False')
  if (holder.key !== split.key)
    return { resolvedRefs: refs, ...conflict(`${holder.label} came first and holds for this service`) }
  const lost = split.ports.flatMap(({ port }) => {
    const label = taken.get(port)
    return label === undefined ? [] : [`on port ${port} ${label} goes before it`]
  })
  if (lost.length > 0 && lost.length === split.ports.length)
    return { resolvedRefs: refs, ...conflict(lost.join('; ')) }
  const nesting = nested.map((service) => ({
    reason: 'NotNested',
    message: `the split of ${service} is not followed: what is sent there goes to its own endpoints`,
    position: undefined,
  }))
  return {
    resolvedRefs: refs,
    accepted: joined([...split.hints, ...nesting], 'True'),
    conflicted: lost.length === 0 ? undefined : { reason: 'Conflicted', message: lost.join('; ') },
    programmed: noWaypointNote('requests go to the endpoints of the Service as if there were no split'),
  }
}

function conflict(message: string): Notes {
  const note = { reason: 'Conflicted', message }
  return { accepted: { ...note, status: 'False' }, conflicted: note }
}

function joined(problems: SplitTranslation['refs'], status: Note['status'] & string): Note | undefined {
  const [first] = problems
  if (first === undefined) return undefined
  return {
    status,
    reason: first.reason,
    message: [...new Set(problems.map(({ message }) => message))].join('; '),
    position: first.position,
  }
}
