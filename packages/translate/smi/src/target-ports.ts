import type { Workload } from '@tulle/mesh'

/** A number that was written as a service's port, and the workload's ports that it was read as. */
export interface PortReading {
  readonly servicePort: number
  readonly targetPorts: readonly number[]
}

export interface TargetPorts {
  /** In order, each once. */
  readonly ports: readonly number[]
  readonly readings: readonly PortReading[]
}

/**
 * The ports of one workload that a route's numbers mean (§9.6): target ports. A number that is none of the
 * workload's own, but a service's port that leads to one, is read as that; any other is taken as it is, since
 * a workload may listen on what nobody declared.
 */
export function targetPorts(
  numbers: readonly number[],
  workload: Pick<Workload, 'services'>,
  ownPorts: readonly number[],
): TargetPorts {
  const ports = new Set<number>()
  const readings: PortReading[] = []
  for (const number of numbers) {
    const led = ownPorts.includes(number) ? [] : ledTo(number, workload)
    for (const port of led.length > 0 ? led : [number]) ports.add(port)
    if (led.length > 0) readings.push({ servicePort: number, targetPorts: led })
  }
  return { ports: ascending(ports), readings }
}

function ledTo(servicePort: number, workload: Pick<Workload, 'services'>): readonly number[] {
  const mappings = [...workload.services.values()].flat()
  return ascending(
    mappings.filter((mapping) => mapping.servicePort === servicePort).map(({ targetPort }) => targetPort),
  )
}

function ascending(numbers: Iterable<number>): readonly number[] {
  return [...new Set(numbers)].toSorted((a, b) => a - b)
}
