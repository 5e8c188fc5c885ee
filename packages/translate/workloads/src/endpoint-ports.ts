import type { ServicePortSpec, WorkloadSpec } from '@tulle/api'
import type { Port, PortMapping } from '@tulle/mesh'
import { parsePort } from '@tulle/mesh'

/** On which of its own ports a workload serves a service; one with a name that it lacks is left out. */
export function endpointPorts(
  ports: readonly ServicePortSpec[],
  workload: Pick<WorkloadSpec, 'ports'>,
): readonly PortMapping[] {
  return ports.flatMap((port) => {
    const servicePort = parsePort(port.port)
    const targetPort = targetPortOf(port, workload)
    return servicePort.ok && targetPort !== undefined ? [{ servicePort: servicePort.value, targetPort }] : []
  })
}

/** The port of a workload that a service's port leads to; undefined where the workload has none of that name. */
export function targetPortOf(port: ServicePortSpec, workload: Pick<WorkloadSpec, 'ports'>): Port | undefined {
  const { targetPort = port.port } = port
  const number =
    typeof targetPort === 'number' ? targetPort : workload.ports.find(({ name }) => name === targetPort)?.port
  const parsed = number === undefined ? undefined : parsePort(number)
  return parsed?.ok === true ? parsed.value : undefined
}
