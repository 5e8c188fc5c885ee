import { apiCollections, isOfCollection, objectKey } from '@tulle/api'
import type { AnyObject, ApiCollectionName, ApiKinds } from '@tulle/api'
import { createGraph } from '@tulle/collections'
import type { Collection, Graph, Source } from '@tulle/collections'
import { compareText, must } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import { waypointAllocationKey } from '@tulle/waypoints'
import { translateMesh } from '../mesh-model.ts'
import type { MeshModel } from '../mesh-model.ts'

/** A whole control plane without its edges: objects go in by hand, addresses are allotted by hand or in key order. */
export class World {
  readonly graph: Graph
  readonly model: MeshModel
  readonly allocations: Source<IpAddress>
  /** Waypoints that serve, by `waypointKey`. */
  readonly ready: Source<true>
  readonly #sources: ReadonlyMap<ApiCollectionName, Source<AnyObject>>

  constructor() {
    this.graph = createGraph({
      checkPurity: true,
      onError: (error) => {
        throw error
      },
    })
    const sources = new Map<ApiCollectionName, Source<AnyObject>>()
    const api = apiCollections((name) => {
      const source = this.graph.source<ApiKinds[typeof name]>(name)
      // Each source gets objects of its own kind only, which the compiler can't follow through the map.
      sources.set(name, source as unknown as Source<AnyObject>)
      return source
    })
    this.#sources = sources
    this.allocations = this.graph.source('allocations')
    this.ready = this.graph.source('ready')
    const running = { readyWaypoints: this.ready }
    this.model = translateMesh(this.graph, api, { collection: this.allocations }, running)
  }

  set(...objects: readonly AnyObject[]): void {
    this.graph.transaction(() => {
      for (const object of objects) this.#sourceOf(object).set(objectKey(object), object)
    })
  }

  delete(...objects: readonly AnyObject[]): void {
    this.graph.transaction(() => {
      for (const object of objects) this.#sourceOf(object).delete(objectKey(object))
    })
  }

  objects(): readonly AnyObject[] {
    return [...this.#sources.values()].flatMap((source) =>
      Array.from(source.entries(), ([, object]) => object),
    )
  }

  /** Gives every object that brings no address one, counted in key order. */
  allot(): void {
    const keys = this.objects().filter(wantsAddress).map(objectKey).toSorted(compareText)
    this.graph.transaction(() => {
      for (const [i, key] of keys.entries()) {
        const prefix = key.includes('/Service/') ? '240.240.0' : '10.77.1'
        this.allocations.set(key, must(parseIpAddress(`${prefix}.${i + 1}`)))
      }
    })
  }

  /** Gives every waypoint an address, and callers to it. */
  serveWaypoints(): void {
    const keys = Array.from(this.model.waypoints.entries(), ([key]) => key)
    this.graph.transaction(() => {
      for (const [i, key] of keys.entries())
        this.allocations.set(waypointAllocationKey(key), must(parseIpAddress(`10.77.9.${i + 1}`)))
    })
    this.graph.transaction(() => keys.forEach((key) => this.ready.set(key, true)))
  }

  #sourceOf(object: AnyObject): Source<AnyObject> {
    const found = [...this.#sources].find(([name]) => isOfCollection(name, object))
    if (found === undefined) throw new TypeError(`no source of ${object.kind}`)
    return found[1]
  }
}

/** A world that holds these objects, with an address for each that wants one. */
export function worldOf(...objects: readonly AnyObject[]): World {
  const world = new World()
  world.set(...objects)
  world.allot()
  return world
}

/** Everything that a model says, to be compared. */
export function contentsOf(model: MeshModel): unknown {
  const all: readonly Collection<unknown>[] = [
    model.workloads,
    model.services,
    model.policies,
    model.conditions,
    model.resources.address,
    model.resources.authorization,
  ]
  return [model.settings.value, ...all.map((collection) => [...collection.entries()])]
}

function wantsAddress(object: AnyObject): boolean {
  if (object.kind === 'Service') return object.spec.clusterIP === undefined
  return object.kind === 'Workload' && object.spec.address === undefined && object.spec.run !== undefined
}
