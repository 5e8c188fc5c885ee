import { dirname, resolve } from 'node:path'
import type { AnyObject } from '@tulle/api'
import { isIpv6 } from '@tulle/mesh'
import type { Service, Workload } from '@tulle/mesh'
import type { HostEntry, Launch, ServiceEntry } from './api-types.ts'

/** The process of a Workload object with `run`; undefined for all else, and while it has no address yet. */
export function launchOf(object: AnyObject, workload: Workload | undefined): Launch | undefined {
  if (object.kind !== 'Workload' || object.spec.run === undefined || workload === undefined) return undefined
  const [address] = workload.addresses
  if (address === undefined) return undefined
  const { uid, namespace, name, serviceAccount, node } = workload
  const { command, env, workingDir = '.' } = object.spec.run
  // Standard input is in the current folder.
  const folder = dirname(object.origin.file)
  const run = { command, env, workingDir: resolve(folder, workingDir) }
  return { uid, namespace, name, serviceAccount, node, address, enrolled: workload.tunnel === 'hbone', run }
}

/**
 * The names that a service is called by. The bare one means the service of the caller's own namespace.
 * A headless service leads to the workloads themselves.
 */
export function hostEntries(service: Service, endpoints: readonly Workload[]): readonly HostEntry[] {
  const { name, namespace, hostname } = service
  const own = service.addresses.map(({ address }) => address)
  const addresses = own.length > 0 ? own : endpoints.flatMap((workload) => workload.addresses)
  const names = [`${name}.${namespace}`, `${name}.${namespace}.svc`, hostname]
  return addresses
    .toSorted((a, b) => Number(isIpv6(a)) - Number(isIpv6(b)))
    .flatMap((address) => [
      { name, address, namespace },
      ...[...new Set(names)].map((full) => ({ name: full, address })),
    ])
}

export function serviceEntry({ namespace, name, addresses, ports }: Service): ServiceEntry {
  const address = addresses.find((one) => !isIpv6(one.address))?.address ?? ''
  return { namespace, name, address, ports: ports.map(({ servicePort }) => servicePort) }
}

/** The ports that a workload listens on, as far as anybody wrote them down. */
export function listenPorts(object: AnyObject, workload: Workload | undefined): readonly number[] {
  const own = object.kind === 'Workload' ? object.spec.ports.map(({ port }) => port) : []
  const served = [...(workload?.services.values() ?? [])].flatMap((mappings) =>
    mappings.map(({ targetPort }) => targetPort),
  )
  return [...new Set([...own, ...served])]
}
