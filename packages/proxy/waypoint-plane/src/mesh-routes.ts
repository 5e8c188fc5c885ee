import { RouteTable } from '@tulle/l7'
import type { RouteDirectory, RoutedPort } from '@tulle/l7'
import type { WaypointState } from './waypoint-state.ts'

/** Ports that nobody wrote routes for, remembered; all are forgotten when there are more. */
const maxPlain = 10_000

/** The routes of what is bound here; where there are none, requests go to the endpoints of what was called. */
export class MeshRoutes implements RouteDirectory {
  readonly #state: WaypointState
  readonly #plain: Map<string, RoutedPort | undefined> = new Map()

  constructor(state: WaypointState) {
    this.#state = state
  }

  portOf(service: string, port: number): RoutedPort | undefined {
    const known = this.#state.trafficOf(service)
    const routed = known === undefined || known === 'none' ? undefined : known.table.port(port)
    return routed ?? this.#plainPort(service, port)
  }

  #plainPort(service: string, port: number): RoutedPort | undefined {
    const key = `${service}:${port}`
    if (this.#plain.has(key)) return this.#plain.get(key)
    if (this.#plain.size >= maxPlain) this.#plain.clear()
    const ports = [{ port, protocol: 'detect', consumers: new Map() }] as const
    const made = RouteTable.compile({ service, ports }).table.port(port)
    this.#plain.set(key, made)
    return made
  }
}
