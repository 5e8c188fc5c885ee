import type { ServiceObject, ServiceSpec, WorkloadObject, WorkloadSpec } from '@tulle/api'
import { objectKey } from '@tulle/api'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import type { IpAddress } from '@tulle/mesh'
import { silentLog } from '@tulle/runtime'
import type { Log, LogFields } from '@tulle/runtime'
import { allocations } from '../allocations.ts'
import type { AllocationsOptions, Allotted } from '../allocations.ts'

const positions = { origin: { file: 'test.yaml', line: 1, column: 1 }, positions: new Map() }

function metadata(name: string): ServiceObject['metadata'] {
  return { name, namespace: 'ns', labels: {}, annotations: {} }
}

export function service(name: string, spec: Partial<ServiceSpec> = {}): ServiceObject {
  const full = { selector: {}, ports: [], ...spec }
  return { group: '', version: 'v1', kind: 'Service', metadata: metadata(name), spec: full, ...positions }
}

const run = { command: ['true'], env: {} }

/** One that runs, or has the address given. */
export function workload(name: string, address?: string): WorkloadObject {
  const own: Partial<WorkloadSpec> = address === undefined ? { run } : { address }
  const spec = { serviceAccount: 'default', ports: [], hbone: true, capacity: 1, ...own }
  const type = { group: 'tulle.dev', version: 'v1alpha1', kind: 'Workload' } as const
  return { ...type, metadata: metadata(name), spec, ...positions }
}

/** What a control plane has before it allots: it is gone with a restart, and made anew. */
export class World {
  readonly graph: Graph = createGraph()
  readonly services: Source<ServiceObject> = this.graph.source('services')
  readonly workloads: Source<WorkloadObject> = this.graph.source('workloads')
  readonly warnings: { readonly message: string; readonly fields: LogFields | undefined }[] = []
  readonly errors: string[] = []
  readonly #log: Log = {
    ...silentLog,
    warn: (message, fields) => void this.warnings.push({ message, fields }),
    error: (message) => void this.errors.push(message),
  }

  put(...objects: readonly (ServiceObject | WorkloadObject)[]): void {
    this.graph.transaction(() => {
      for (const object of objects) {
        if (object.kind === 'Service') this.services.set(objectKey(object), object)
        else this.workloads.set(objectKey(object), object)
      }
    })
  }

  remove(...objects: readonly (ServiceObject | WorkloadObject)[]): void {
    this.graph.transaction(() => {
      for (const object of objects) {
        if (object.kind === 'Service') this.services.delete(objectKey(object))
        else this.workloads.delete(objectKey(object))
      }
    })
  }

  async allocate(file: string, options: Partial<AllocationsOptions> = {}): Promise<Source<IpAddress>> {
    return (await this.allotted(file, options)).addresses
  }

  allotted(file: string, options: Partial<AllocationsOptions> = {}): Promise<Allotted> {
    const api = { services: this.services, workloads: this.workloads }
    return allocations({ graph: this.graph, api, file, log: this.#log, ...options })
  }
}
