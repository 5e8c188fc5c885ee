import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { waypointNode } from '@tulle/mesh'

export interface SplitMeshSize {
  readonly services: number
  /** One in each namespace, for all services there. */
  readonly waypoints: number
}

const waypointName = 'gate'

/** A folder as users write it: a namespace with its waypoint, and a file for each application with its TrafficSplit in it. */
export class SplitFiles {
  readonly size: SplitMeshSize
  readonly #folder: string

  constructor(folder: string, size: SplitMeshSize) {
    this.#folder = folder
    this.size = size
    for (let team = 0; team < size.waypoints; team++) {
      mkdirSync(join(folder, teamName(team)), { recursive: true })
      writeFileSync(join(folder, teamName(team), 'namespace.yaml'), namespaceText(team))
    }
    for (let app = 0; app < size.services; app++) writeFileSync(this.#fileOf(app), this.#text(app, 1))
  }

  /** The name that the waypoint of that namespace subscribes by. */
  nodeOf(team: number): string {
    return waypointNode({ namespace: teamName(team), name: waypointName })
  }

  /** Whose traffic the waypoint of that namespace is told. */
  servicesOf(team: number): readonly string[] {
    const { services, waypoints } = this.size
    const count = Math.ceil((services - team) / waypoints)
    return Array.from({ length: count }, (_, index) => this.serviceKey(team + index * waypoints))
  }

  teamOf(app: number): number {
    return app % this.size.waypoints
  }

  serviceKey(app: number): string {
    const team = teamName(this.teamOf(app))
    return `${team}/app-${app}.${team}.svc.cluster.local`
  }

  /** Writes the file with another weight aside, so that `rename` is all that is left. */
  prepare(app: number, weight: number): { rename(): void } {
    const draft = join(this.#folder, teamName(this.teamOf(app)), `.app-${app}.draft`)
    writeFileSync(draft, this.#text(app, weight))
    return { rename: () => renameSync(draft, this.#fileOf(app)) }
  }

  #fileOf(app: number): string {
    return join(this.#folder, teamName(this.teamOf(app)), `app-${app}.yaml`)
  }

  #text(app: number, weight: number): string {
    const { services, waypoints } = this.size
    const team = teamName(this.teamOf(app))
    // Another application of the same namespace.
    const other = app + waypoints < services ? app + waypoints : this.teamOf(app)
    return `apiVersion: v1
kind: ServiceAccount
metadata: { name: app-${app}, namespace: ${team} }
---
apiVersion: v1
kind: Service
metadata: { name: app-${app}, namespace: ${team} }
spec:
  selector: { app: app-${app} }
  ports: [{ name: http, port: 80, targetPort: 8080, appProtocol: http }]
---
apiVersion: tulle.dev/v1alpha1
kind: Workload
metadata:
  name: app-${app}
  namespace: ${team}
  labels: { app: app-${app} }
spec:
  address: 10.${1 + (app >> 16)}.${(app >> 8) & 255}.${app & 255}
  node: node-0
  serviceAccount: app-${app}
  ports: [{ name: http, port: 8080 }]
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: app-${app}, namespace: ${team} }
spec:
  service: app-${app}
  backends:
    - { service: app-${app}, weight: 100 }
    - { service: app-${other}, weight: ${weight} }
`
  }
}

function teamName(team: number): string {
  return `team-${team}`
}

function namespaceText(team: number): string {
  return `apiVersion: v1
kind: Namespace
metadata:
  name: ${teamName(team)}
  labels: { tulle.dev/use-waypoint: ${waypointName} }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${waypointName}, namespace: ${teamName(team)} }
spec:
  gatewayClassName: tulle-waypoint
  listeners: [{ name: mesh, port: 15008, protocol: HBONE }]
`
}
