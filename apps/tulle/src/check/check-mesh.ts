import { apiCollections, isOfCollection, objectKey } from '@tulle/api'
import type { AnyObject, ApiCollections, ApiKinds, Condition } from '@tulle/api'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import { must } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import { meshWarnings, translateMesh } from '@tulle/outputs'
import type { MeshWarning } from '@tulle/outputs'
import { waypointAllocationKey } from '@tulle/waypoints'
import type { Finding } from './finding.ts'

/** What a mesh would make of objects. */
export interface MeshCheck {
  readonly findings: readonly Finding[]
  /** How many objects would take effect. */
  readonly accepted: number
  /** How many TrafficTargets there are, and how many of them hold nobody back. */
  readonly targets: number
  readonly notEnforced: number
}

/** No waypoint is called here, so that one address does for all. */
const waypointAddress = must(parseIpAddress('192.0.2.1'))

/** Reasons of a target that is accepted and holds nobody back. */
const notEnforcedReasons = new Set(['NoWorkload', 'NotEnforced'])

/** Translates the objects as the control plane would, and collects what it says of each. */
export function checkMesh(objects: readonly AnyObject[]): MeshCheck {
  const graph = createGraph()
  const byKey = new Map(objects.map((object) => [objectKey(object), object]))
  const api = filledCollections(graph, byKey)
  const addresses = fixedAddresses(graph, objects)
  const readyWaypoints = graph.source<true>('ready-waypoints')
  const model = translateMesh(graph, api, { collection: addresses }, { readyWaypoints })
  // They are started where they are needed, so that only what names one that nobody asked for goes without.
  graph.transaction(() => {
    for (const [key] of model.waypoints.entries()) {
      addresses.set(waypointAllocationKey(key), waypointAddress)
      readyWaypoints.set(key, true)
    }
  })
  const conditions = new Map(model.conditions.entries())
  const refused = [...conditions].filter(([, list]) => list.some(isRefusal))
  // A route may be refused by several of its parents, each for a reason of its own.
  const refusals = refused.flatMap(([key, list]) =>
    list.filter(isRefusal).map((refusal) => refusalOf(refusal, byKey.get(key))),
  )
  const warnings = meshWarnings(model)
  const audit = model.settings.value.access === 'audit'
  const open = new Set(
    warnings.filter(({ reason }) => notEnforcedReasons.has(reason)).map((one) => one.object),
  )
  return {
    findings: [...refusals, ...warnings.map((warning) => warningOf(warning, byKey.get(warning.object)))],
    accepted: objects.length - refused.length,
    targets: model.targets.size,
    notEnforced: audit ? model.targets.size : open.size,
  }
}

function isRefusal({ type, status }: Condition): boolean {
  return type === 'Accepted' && status === 'False'
}

function refusalOf({ reason, message, position }: Condition, object: AnyObject | undefined): Finding {
  return {
    severity: 'error',
    code: reason,
    origin: position ?? object?.origin,
    object: labelOf(object),
    path: '',
    message,
  }
}

function warningOf({ reason, message, position }: MeshWarning, object: AnyObject | undefined): Finding {
  return {
    severity: 'warning',
    code: reason,
    origin: position ?? object?.origin,
    object: labelOf(object),
    path: '',
    message,
  }
}

function labelOf(object: AnyObject | undefined): string {
  if (object === undefined) return ''
  const { namespace, name } = object.metadata
  return `${object.kind} ${namespace === '' ? '' : `${namespace}/`}${name}`
}

function filledCollections(graph: Graph, objects: ReadonlyMap<string, AnyObject>): ApiCollections {
  return apiCollections((name) => {
    const source = graph.source<ApiKinds[typeof name]>(name)
    graph.transaction(() => {
      for (const [key, object] of objects) if (isOfCollection(name, object)) source.set(key, object)
    })
    return source
  })
}

/** An address for each object that would be allotted one: which does not matter, only that no two are equal. */
function fixedAddresses(graph: Graph, objects: readonly AnyObject[]): Source<IpAddress> {
  const source = graph.source<IpAddress>('allocations')
  const given = new Set(objects.map(givenAddress))
  let next = 1
  graph.transaction(() => {
    for (const object of objects.filter(wantsAddress)) {
      while (given.has(addressAt(next))) next++
      source.set(objectKey(object), must(parseIpAddress(addressAt(next++))))
    }
  })
  return source
}

function addressAt(count: number): string {
  return `240.${(count >> 16) & 0xff}.${(count >> 8) & 0xff}.${count & 0xff}`
}

function givenAddress(object: AnyObject): string | undefined {
  if (object.kind === 'Service') return object.spec.clusterIP
  return object.kind === 'Workload' ? object.spec.address : undefined
}

function wantsAddress(object: AnyObject): boolean {
  if (object.kind === 'Service') return object.spec.clusterIP === undefined
  return object.kind === 'Workload' && object.spec.address === undefined && object.spec.run !== undefined
}
