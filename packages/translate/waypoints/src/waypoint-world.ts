import type { AccessPolicy } from '@tulle/access'
import type { GatewayObject, NamespaceObject, ServiceObject, WorkloadObject } from '@tulle/api'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import { must } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import { parseIpAddress, serviceKey } from '@tulle/mesh'
import type { IpAddress, Service, Workload } from '@tulle/mesh'
import type { AuthorizationPolicy } from '@tulle/policy'
import type { TargetTranslation } from '@tulle/smi'
import { anyRequest } from '@tulle/traffic'
import type { ServiceTraffic } from '@tulle/traffic'
import type { MeshSettings } from '@tulle/workloads'
import { deriveWaypointModel } from './derive-waypoint-model.ts'
import type { WaypointModel } from './derive-waypoint-model.ts'
import { waypointAllocationKey } from './waypoints.ts'

const trustDomain = must(parseTrustDomain('td'))
const origin = { file: 'mesh.yaml', line: 1, column: 1 }

type Labels = Readonly<Record<string, string>>

/** What waypoints are derived from, each part written by hand. */
export class WaypointWorld {
  readonly graph: Graph = createGraph({
    checkPurity: true,
    onError: (error) => {
      throw error
    },
  })
  readonly #gateways: Source<GatewayObject> = this.graph.source('gateways')
  readonly #namespaces: Source<NamespaceObject> = this.graph.source('namespaces')
  readonly #serviceObjects: Source<ServiceObject> = this.graph.source('service-objects')
  readonly #workloadObjects: Source<WorkloadObject> = this.graph.source('workload-objects')
  readonly #settings: Source<MeshSettings> = this.graph.source('settings')
  readonly #allocations: Source<IpAddress> = this.graph.source('allocations')
  readonly #services: Source<Service> = this.graph.source('services')
  readonly #workloads: Source<Workload> = this.graph.source('workloads')
  readonly #traffic: Source<ServiceTraffic> = this.graph.source('traffic')
  readonly #targets: Source<TargetTranslation> = this.graph.source('targets')
  readonly #keys: Source<readonly string[]> = this.graph.source('keys')
  readonly #ready: Source<true> = this.graph.source('ready')
  readonly #ending: Source<true> = this.graph.source('ending')
  readonly #ledBefore: Source<readonly string[]> = this.graph.source('led-before')
  readonly model: WaypointModel

  constructor() {
    const settings = this.#settings
    this.model = deriveWaypointModel(this.graph, {
      api: {
        gateways: this.#gateways,
        namespaces: this.#namespaces,
        services: this.#serviceObjects,
        workloads: this.#workloadObjects,
      },
      settings: this.graph.singleton(
        'the-settings',
        (look): MeshSettings =>
          look.one(settings, '') ?? { trustDomain, mtls: 'permissive', access: 'enforce-selected' },
      ),
      allocations: { collection: this.#allocations },
      services: this.#services,
      workloads: this.#workloads,
      traffic: this.#traffic,
      targets: this.#targets,
      modePolicies: this.graph.source<AuthorizationPolicy>('modes'),
      policyKeysByWorkload: this.#keys,
      ready: this.#ready,
      ending: this.#ending,
      ledBefore: this.#ledBefore,
    })
  }

  access(access: MeshSettings['access']): void {
    this.#change(() => this.#settings.set('', { trustDomain, mtls: 'permissive', access }))
  }

  gateway(namespace: string, name: string, labels: Labels = {}, annotations: Labels = {}): void {
    const spec = {
      gatewayClassName: 'tulle-waypoint',
      listeners: [],
      infrastructureLabels: {},
      infrastructureAnnotations: {},
    }
    const group = 'gateway.networking.k8s.io'
    const bare = head('Gateway', { namespace, name, labels })
    const object: GatewayObject = { ...bare, metadata: { ...bare.metadata, annotations }, group, spec }
    this.#change(() => this.#gateways.set(`${group}/Gateway/${namespace}/${name}`, object))
  }

  namespace(name: string, labels: Labels): void {
    const object: NamespaceObject = {
      ...head('Namespace', { namespace: '', name, labels }),
      group: '',
      spec: {},
    }
    this.#change(() => this.#namespaces.set(`/Namespace//${name}`, object))
  }

  service(name: string, labels: Labels = {}): string {
    const service: Service = {
      name,
      namespace: 'shop',
      hostname: `${name}.shop.svc.cluster.local`,
      addresses: [],
      ports: [],
      subjectAltNames: [],
      ipFamilies: 'automatic',
      canonical: false,
      visibility: 'public',
      ingressUseWaypoint: false,
      weightedWaypoints: [],
    }
    const object: ServiceObject = {
      ...head('Service', { namespace: 'shop', name, labels }),
      group: '',
      spec: { selector: {}, ports: [] },
    }
    const key = serviceKey(service)
    this.#change(() => {
      this.#serviceObjects.set(`/Service/shop/${name}`, object)
      this.#services.set(key, service)
    })
    return key
  }

  workload(name: string, services: readonly string[] = [], account: string = name): string {
    const uid = `tulle//Workload/shop/${name}`
    const workload: Workload = {
      uid,
      name,
      namespace: 'shop',
      serviceAccount: account,
      trustDomain,
      addresses: [],
      network: '',
      tunnel: 'hbone',
      node: 'n',
      services: new Map(services.map((key) => [key, []])),
      policies: [],
      health: 'healthy',
      capacity: 1,
      kubeCluster: '',
      canonicalName: name,
      canonicalRevision: '',
      workloadName: name,
      workloadType: 'pod',
      hostname: '',
      nativeTunnel: false,
      hostNetwork: false,
    }
    this.#change(() => this.#workloads.set(uid, workload))
    return uid
  }

  /** A target of that account; with `http` it has a rule that reads requests. */
  target(account: string, { http }: { readonly http: boolean }): string {
    const access: AccessPolicy = {
      name: `smi.${account}`,
      namespace: 'shop',
      scope: 'workload',
      action: 'allow',
      dryRun: false,
      rules: [{ connection: { clauses: [] }, ...(http ? { requests: [anyRequest] } : {}) }],
    }
    const key = `access.smi-spec.io/TrafficTarget/shop/${account}`
    const policyKey = `shop/smi.${account}`
    this.#change(() => {
      this.#targets.set(key, {
        key,
        destination: { namespace: 'shop', serviceAccount: account },
        sources: [],
        rules: [],
        ruleIndexes: [],
        access,
        accessRuleIndexes: [0],
        conditions: [],
      })
      this.#keys.set(`tulle//Workload/shop/${account}`, [policyKey])
    })
    return policyKey
  }

  /** With `weights`, by service, it leads there. */
  route(service: string, weights: ReadonlyMap<string, number> = new Map()): void {
    const routes = {
      kind: 'tcp',
      origin: { kind: 'TCPRoute', namespace: 'shop', name: 'r', rule: 0 },
      backends: [...weights].map(([key, weight]) => ({
        backend: { kind: 'service', service: key, port: 80 } as const,
        weight,
        filters: [],
      })),
    } as const
    const port = { port: 80, protocol: 'tcp', producer: routes, consumers: new Map() } as const
    this.#change(() => this.#traffic.set(service, { service, ports: [port] }))
  }

  /** As if the waypoint ran and had applied what it was sent. */
  runs(key: string, address: string = '10.77.9.9'): void {
    this.#change(() => {
      this.#allocations.set(waypointAllocationKey(key), must(parseIpAddress(address)))
      this.#ready.set(key, true)
    })
  }

  /** As if it had been told to end. */
  ends(key: string): void {
    this.#change(() => this.#ending.set(key, true))
  }

  /** As if it had ended. */
  isGone(key: string): void {
    this.#change(() => {
      this.#ready.delete(key)
      this.#ending.delete(key)
    })
  }

  ledBefore(uid: string, keys: readonly string[]): void {
    this.#change(() => this.#ledBefore.set(uid, keys))
  }

  ungateway(namespace: string, name: string): void {
    this.#change(() => this.#gateways.delete(`gateway.networking.k8s.io/Gateway/${namespace}/${name}`))
  }

  unroute(service: string): void {
    this.#change(() => this.#traffic.delete(service))
  }

  #change(run: () => void): void {
    this.graph.transaction(run)
  }
}

function head<Kind extends string>(
  kind: Kind,
  { namespace, name, labels }: { namespace: string; name: string; labels: Labels },
): {
  readonly version: string
  readonly kind: Kind
  readonly metadata: { namespace: string; name: string; labels: Labels; annotations: Labels }
  readonly origin: typeof origin
  readonly positions: ReadonlyMap<string, typeof origin>
} {
  return {
    version: 'v1',
    kind,
    metadata: { namespace, name, labels, annotations: {} },
    origin,
    positions: new Map(),
  }
}
