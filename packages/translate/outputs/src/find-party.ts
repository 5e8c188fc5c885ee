import type { Collection } from '@tulle/collections'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { serviceKey } from '@tulle/mesh'
import type { Service, Workload } from '@tulle/mesh'
import type { MeshModel } from './mesh-model.ts'

/** A workload that may answer a call, and the port on which it does. */
export interface Endpoint {
  readonly workload: Workload
  readonly port: number
}

export interface Callee {
  readonly service?: Service
  /** The port that is called; of a service its own, unless it has none such. */
  readonly port: number
  readonly endpoints: readonly Endpoint[]
}

/** The workload that a name means; of a service the first that serves it. */
export function findCaller(model: MeshModel, name: string): Result<Workload> {
  const workload = only(matching(model.workloads, (entry) => isWorkload(entry, name)))
  if (workload !== undefined) return ok(workload)
  const service = only(matching(model.services, (entry) => isService(entry, name)))
  if (service === undefined) return err(unknownName(model, name))
  const [first] = endpointsOf(model, service)
  if (first === undefined)
    return err(`no workload serves ${serviceName(service)}, so that nothing calls as it`)
  return ok(first)
}

/** What is called, and from which namespace: a bare name means the caller's own first. */
export interface CalleeQuery {
  readonly name: string
  readonly port: number | undefined
  readonly namespace: string
}

/** The workloads that a call may reach. A service goes before a workload of its name. */
export function findCallee(model: MeshModel, { name, port, namespace }: CalleeQuery): Result<Callee> {
  const service = nearest(
    matching(model.services, (entry) => isService(entry, name)),
    namespace,
  )
  const workload = nearest(
    matching(model.workloads, (entry) => isWorkload(entry, name)),
    namespace,
  )
  const hasPort =
    port === undefined || service?.ports.some(({ servicePort }) => servicePort === port) === true
  if (service !== undefined && (hasPort || workload === undefined)) return callService(model, service, port)
  if (workload === undefined) return err(unknownName(model, name))
  const ports = model.workloadPorts.get(workload.uid) ?? []
  const chosen = port ?? only(ports)
  if (chosen === undefined) return err(portNeeded(`Workload ${workload.namespace}/${workload.name}`, ports))
  return ok({ port: chosen, endpoints: [{ workload, port: chosen }] })
}

function nearest<T extends { readonly namespace: string }>(
  found: readonly T[],
  namespace: string,
): T | undefined {
  return only(found) ?? only(found.filter((entry) => entry.namespace === namespace))
}

function callService(model: MeshModel, service: Service, port: number | undefined): Result<Callee> {
  const ports = service.ports.map(({ servicePort }) => servicePort)
  const chosen = port ?? only(ports)
  if (chosen === undefined) return err(portNeeded(serviceName(service), ports))
  const workloads = endpointsOf(model, service)
  if (workloads.length === 0) return err(`no workload serves ${serviceName(service)}: a call to it fails`)
  const endpoints = workloads.flatMap((workload) => endpointOn(workload, service, chosen))
  if (endpoints.length === 0)
    return err(`no workload serves port ${chosen} of ${serviceName(service)}: a call to it fails`)
  return ok({ service, port: chosen, endpoints })
}

/** A number that is no port of the service is taken as the workload's own: somebody calls it directly. */
function endpointOn(workload: Workload, service: Service, port: number): readonly Endpoint[] {
  if (!service.ports.some(({ servicePort }) => servicePort === port)) return [{ workload, port }]
  const mappings = workload.services.get(serviceKey(service)) ?? []
  const mapping = mappings.find(({ servicePort }) => servicePort === port)
  return mapping === undefined ? [] : [{ workload, port: mapping.targetPort }]
}

/** The workloads behind a port of a service; none where there is no such service or port. */
export function endpointsBehind(model: MeshModel, key: string, port: number): readonly Endpoint[] {
  const service = model.services.get(key)
  if (service?.ports.some(({ servicePort }) => servicePort === port) !== true) return []
  return endpointsOf(model, service).flatMap((workload) => endpointOn(workload, service, port))
}

function endpointsOf(model: MeshModel, service: Service): readonly Workload[] {
  const key = serviceKey(service)
  return matching(model.workloads, (workload) => workload.services.has(key))
}

function isWorkload(workload: Workload, name: string): boolean {
  return (
    workload.uid === name ||
    `${workload.namespace}/${workload.name}` === name ||
    workload.name === name ||
    workload.addresses.some((address) => address === name)
  )
}

function isService(service: Service, name: string): boolean {
  const names = [
    serviceKey(service),
    serviceName(service).slice('Service '.length),
    service.name,
    `${service.name}.${service.namespace}`,
    `${service.name}.${service.namespace}.svc`,
    service.hostname,
  ]
  return names.includes(name) || service.addresses.some(({ address }) => address === name)
}

function serviceName(service: Service): string {
  return `Service ${service.namespace}/${service.name}`
}

function matching<V>(collection: Collection<V>, test: (value: V) => boolean): readonly V[] {
  return Array.from(collection.entries(), ([, value]) => value).filter(test)
}

function only<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined
}

function portNeeded(what: string, ports: readonly number[]): string {
  if (ports.length === 0) return `${what} declares no port; say which one is called`
  return `${what} has the ports ${ports.join(', ')}; say which one is called`
}

function unknownName(model: MeshModel, name: string): string {
  const same = [
    ...matching<Workload>(model.workloads, (entry) => isWorkload(entry, name)),
    ...matching<Service>(model.services, (entry) => isService(entry, name)),
  ]
  const choices = same.map((entry) => `${entry.namespace}/${entry.name}`)
  if (choices.length > 1) return `${name} may be ${choices.join(' or ')}; add the namespace`
  return `there is no workload or service ${name} in the mesh`
}
