import type { AnyObject, Condition, Problem } from '@tulle/api'
import type { Workload } from '@tulle/mesh'
import type {
  HostEntry,
  LaunchList,
  List,
  NodeView,
  ObjectView,
  PolicyView,
  ServiceView,
  VersionView,
  WaypointView,
  WorkloadView,
} from './api-types.ts'
import type { ControlState, RevisionProgress } from './control-state.ts'
import { hostEntries, launchOf, listenPorts, serviceEntry } from './launches.ts'
import { ChangeRevisions, programmedCondition, progressLookup } from './programmed.ts'
import { nodeView, objectView, policyView, serviceView, waypointView, workloadView } from './views.ts'

/** The lists of the control API, each put together when it is asked for. */
export class ControlLists implements Disposable {
  readonly #state: ControlState
  readonly #revisions: ChangeRevisions

  constructor(state: ControlState) {
    this.#state = state
    this.#revisions = new ChangeRevisions(state.graph, state.objects, state.conditions)
  }

  [Symbol.dispose](): void {
    this.#revisions[Symbol.dispose]()
  }

  version(): VersionView {
    const { version, startedAtMs, graph, settings } = this.#state
    const { trustDomain, mtls, access } = settings.value
    const startedAt = new Date(startedAtMs).toISOString()
    return { version, node: process.version, startedAt, revision: graph.revision, trustDomain, mtls, access }
  }

  workloads(): List<WorkloadView> {
    return this.#list(Array.from(this.#state.workloads.entries(), ([, workload]) => workloadView(workload)))
  }

  services(): List<ServiceView> {
    const endpoints = this.#endpoints()
    return this.#list(
      Array.from(this.#state.services.entries(), ([key, service]) =>
        serviceView(key, service, endpoints.get(key) ?? []),
      ),
    )
  }

  policies(): List<PolicyView> {
    const holders = groupBy(this.#state.workloads.entries(), (workload) => workload.policies)
    const nodes = this.#state.receipts.nodes()
    return this.#list(
      Array.from(this.#state.policies.entries(), ([key, policy]) =>
        policyView(policy, holders.get(key) ?? [], nodes),
      ),
    )
  }

  objects(): List<ObjectView> {
    const progressOf = progressLookup(this.#state.receipts)
    return this.#list(
      Array.from(this.#state.objects.entries(), ([key, object]) =>
        objectView(key, object, this.#conditions(key, object, progressOf)),
      ),
    )
  }

  problems(): List<Problem> {
    return this.#list(Array.from(this.#state.problems.entries(), ([, problem]) => problem))
  }

  waypoints(): List<WaypointView> {
    const { waypoints, readyWaypoints, services } = this.#state
    const bound = new Map<string, string[]>()
    for (const [key, { waypoint }] of services.entries()) {
      if (waypoint?.destination.kind !== 'address') continue
      const { address } = waypoint.destination
      bound.set(address, [...(bound.get(address) ?? []), key])
    }
    return this.#list(
      Array.from(waypoints.entries(), ([key, waypoint]) =>
        waypointView(waypoint, {
          ready: readyWaypoints.get(key) === true,
          services: bound.get(waypoint.address ?? '') ?? [],
        }),
      ),
    )
  }

  nodes(): List<NodeView> {
    return this.#list(this.#state.receipts.nodes().map(nodeView))
  }

  launches(): LaunchList {
    const found = Array.from(this.#state.objects.entries(), ([, object]) => {
      const [uid] = object.kind === 'Workload' ? this.#state.resourceNames(object) : []
      const workload = uid === undefined ? undefined : this.#state.workloads.get(uid)
      const launch = launchOf(object, workload)
      return launch === undefined ? [] : [{ launch, ports: listenPorts(object, workload) }]
    }).flat()
    const { mtls, access } = this.#state.settings.value
    return {
      ...this.#list(found.map(({ launch }) => launch)),
      strict: mtls === 'strict' || access === 'enforce',
      hosts: this.hosts().items,
      services: Array.from(this.#state.services.entries(), ([, service]) => serviceEntry(service)),
      ports: Object.fromEntries(found.map(({ launch, ports }) => [launch.uid, ports])),
      waypoints: this.waypoints().items.filter(({ address }) => address !== undefined),
    }
  }

  hosts(): List<HostEntry> {
    const endpoints = this.#endpoints()
    return this.#list(
      Array.from(this.#state.services.entries(), ([key, service]) =>
        hostEntries(service, endpoints.get(key) ?? []),
      ).flat(),
    )
  }

  #conditions(
    key: string,
    object: AnyObject,
    progressOf: (revision: number) => RevisionProgress,
  ): readonly Condition[] {
    const conditions = this.#state.conditions.get(key) ?? []
    // What the translation knows nobody to carry out is not applied by whoever acknowledges it.
    if (conditions.some(({ type }) => type === 'Programmed')) return conditions
    const accepted = !conditions.some(({ type, status }) => type === 'Accepted' && status === 'False')
    const revision = this.#revisions.of(key)
    const resourceNames = this.#state.resourceNames(object)
    return [...conditions, programmedCondition({ accepted, resourceNames, revision }, progressOf(revision))]
  }

  /** Workloads by the keys of the services that they serve. */
  #endpoints(): ReadonlyMap<string, readonly Workload[]> {
    return groupBy(this.#state.workloads.entries(), (workload) => workload.services.keys())
  }

  #list<Item>(items: readonly Item[]): List<Item> {
    return { revision: this.#state.graph.revision, items }
  }
}

function groupBy(
  workloads: Iterable<readonly [string, Workload]>,
  keysOf: (workload: Workload) => Iterable<string>,
): ReadonlyMap<string, readonly Workload[]> {
  const groups = new Map<string, Workload[]>()
  for (const [, workload] of workloads) {
    for (const key of keysOf(workload)) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [workload])
      else group.push(workload)
    }
  }
  return groups
}
