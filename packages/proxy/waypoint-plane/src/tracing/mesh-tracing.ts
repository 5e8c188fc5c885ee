import { assert } from '@tulle/core'
import type { Clock, Rng } from '@tulle/core'
import type { RejectedResource } from '@tulle/l4'
import { Tracing } from '@tulle/l7'
import type { ClusterDirectory, RequestRecord } from '@tulle/l7'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { Attributes } from '@tulle/otlp'
import type { Log, MetricsSlice } from '@tulle/runtime'
import { decodeTracing } from '@tulle/traffic-xds'
import type { WaypointState } from '../waypoint-state.ts'
import { MeshCollector } from './mesh-collector.ts'
import { meshParties } from './mesh-parties.ts'

export interface MeshTracingDeps {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly state: WaypointState
  /** By the time when the first span leaves. */
  clusters(): ClusterDirectory
}

/** Traces of a waypoint of the mesh, as the Mesh object has them. */
export class MeshTracing {
  readonly #tracing: Tracing
  readonly #resource: Attributes

  /** `uid`: `tulle//Waypoint/namespace/name`. `instanceId`: the same for all threads of a process. */
  constructor(
    { uid, instanceId }: { readonly uid: string; readonly instanceId: string },
    deps: MeshTracingDeps,
  ) {
    const [name, namespace] = uid.split('/').toReversed()
    assert(name !== undefined && namespace !== undefined, `${uid} ends in a namespace and a name`)
    this.#resource = {
      'service.name': name,
      'service.namespace': namespace,
      'service.instance.id': instanceId,
      'telemetry.sdk.name': 'tulle',
      'telemetry.sdk.language': 'nodejs',
    }
    const { clock, state } = deps
    this.#tracing = new Tracing({
      ...deps,
      parties: meshParties(state),
      collectorAt: (url) => new MeshCollector(url, { clock, state, clusters: deps.clusters(), namespace }),
    })
  }

  get tracer(): Tracing['tracer'] {
    return this.#tracing.tracer
  }

  /** What is refused turns nothing off: spans go on to where they went. */
  apply(update: ResourceUpdate): readonly RejectedResource[] {
    if (update.removed.length > 0) this.#tracing.configure(undefined, this.#resource)
    return update.upserts.flatMap((resource) => {
      const settings = decodeTracing(resource)
      if (settings.ok) this.#tracing.configure(settings.value, this.#resource)
      return settings.ok ? [] : [{ name: resource.name, reason: settings.error }]
    })
  }

  onDone(record: RequestRecord): void {
    this.#tracing.tracer.onDone(record)
  }

  metrics(): Generator<MetricsSlice> {
    return this.#tracing.metrics()
  }

  flush(): Promise<void> {
    return this.#tracing.flush()
  }
}
