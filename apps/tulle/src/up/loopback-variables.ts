import type { Launch, ServiceEntry } from '@tulle/status'

/** A port of a service, and the port at which each workload's own address leads to it. */
export interface LoopbackService {
  readonly service: Pick<ServiceEntry, 'namespace' | 'name'>
  readonly port: number
  readonly listenPort: number
}

export interface LoopbackPort {
  /** As manifests name it. */
  readonly port: number
  /** Where the application has to listen. */
  readonly applicationPort: number
}

/**
 * What a workload is told where no name resolves: where to listen, and where it finds each service. In its own
 * namespace as Kubernetes does (BOOKS_SERVICE_HOST and _PORT, of the service's first port); for every port of every
 * service TULLE_SERVICE_NAMESPACE_NAME_PORT as HOST:PORT, and without the port for its first one.
 */
export function loopbackVariables(
  launch: Pick<Launch, 'namespace' | 'address'>,
  services: readonly LoopbackService[],
  ports: readonly LoopbackPort[],
): Readonly<Record<string, string>> {
  const { address } = launch
  const variables = new Map<string, string>()
  for (const { service, port, listenPort } of services) {
    const [namespace, name] = [variablePart(service.namespace), variablePart(service.name)]
    const where = `${address}:${listenPort}`
    const first = !variables.has(`TULLE_SERVICE_${namespace}_${name}`)
    if (first) variables.set(`TULLE_SERVICE_${namespace}_${name}`, where)
    variables.set(`TULLE_SERVICE_${namespace}_${name}_${port}`, where)
    if (!first || service.namespace !== launch.namespace) continue
    variables.set(`${name}_SERVICE_HOST`, address)
    variables.set(`${name}_SERVICE_PORT`, `${listenPort}`)
  }
  const [main] = ports
  if (main !== undefined) variables.set('PORT', `${main.applicationPort}`)
  for (const { port, applicationPort } of ports) variables.set(`PORT_${port}`, `${applicationPort}`)
  return Object.fromEntries(variables)
}

function variablePart(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/gu, '_')
}
