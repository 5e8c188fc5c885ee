import type { ApiCollections, Condition, WorkloadObject } from '@tulle/api'
import type { Collection, Graph, Index } from '@tulle/collections'
import { conditionSet } from './condition-set.ts'
import type { Note } from './condition-set.ts'
import { targetPortOf } from './endpoint-ports.ts'
import { labelTopics, selects, selectorTopic } from './label-selection.ts'
import { objectLabel } from './object-names.ts'
import type { ServiceTranslation } from './services.ts'

/** What is to be said of each service, keyed by `objectKey`. */
export function deriveServiceConditions(
  graph: Graph,
  api: Pick<ApiCollections, 'workloads'>,
  translations: Collection<ServiceTranslation>,
): Collection<readonly Condition[]> {
  const byLabel: Index<WorkloadObject> = graph.index('workload-objects-by-label', api.workloads, (object) =>
    labelTopics(object.metadata.namespace, object.metadata.labels),
  )
  return graph.derive('service-conditions', translations, (translation, look) => {
    const topic = selectorTopic(translation.namespace, translation.selector)
    return serviceConditions(translation, topic === undefined ? [] : look.by(byLabel, topic))
  })
}

/** `candidates` are workloads among which its selector picks. */
export function serviceConditions(
  translation: ServiceTranslation,
  candidates: readonly WorkloadObject[],
): readonly Condition[] {
  const { notes, service, selector } = translation
  if (service === undefined) return conditionSet(notes)
  const workloads = candidates.filter((object) => selects(selector, object.metadata.labels))
  return conditionSet({
    ...notes,
    accepted: workloads.length === 0 ? noEndpoints(selector) : undefined,
    resolvedRefs: missingPorts(translation, workloads),
  })
}

function noEndpoints(selector: Readonly<Record<string, string>>): Note {
  const wanted = Object.entries(selector).map(([key, value]) => `${key}=${value}`)
  const message =
    wanted.length === 0
      ? 'it has no selector, so that it leads nowhere'
      : `no workload of its namespace has the labels ${wanted.join(', ')}`
  return { reason: 'NoEndpoints', message }
}

function missingPorts(
  translation: ServiceTranslation,
  workloads: readonly WorkloadObject[],
): Note | undefined {
  const missing = translation.ports.flatMap((port) =>
    workloads
      .filter((workload) => targetPortOf(port, workload.spec) === undefined)
      .map(
        (workload) =>
          `port ${port.port}: ${objectLabel(workload)} has no port named ${String(port.targetPort)}`,
      ),
  )
  if (missing.length === 0) return undefined
  return { status: 'False', reason: 'TargetPortNotFound', message: missing.join('; ') }
}
