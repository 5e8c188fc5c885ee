import { join } from 'node:path'
import type { List, WaitView, WaypointView } from '@tulle/status'
import { program } from '../conformance/base.ts'
import type { Answer, Call, Received } from '../conformance/workload/protocol.ts'
import { WorkloadClient } from '../conformance/workload/workload-client.ts'
import type { Mesh } from './mesh.ts'
import { MeshFolder } from './mesh.ts'
import { answerPatienceMs, patienceMs, until } from './waiting.ts'

/**
 * A mesh with a waypoint in namespace `shop`. `books` has HTTP rules: `reader` may GET below /books. `till` has rules of TCP
 * only, for `reader`, and a route that binds it. `ledger` is nobody's business but `auditor`'s, and bound to nothing.
 * `outside` is not in the mesh.
 */
export const accounts: readonly string[] = [
  'books',
  'till',
  'ledger',
  'reader',
  'guest',
  'auditor',
  'outside',
]

type Manifest = Readonly<Record<string, unknown>>

export const subject = (name: string): Manifest => ({ kind: 'ServiceAccount', name, namespace: 'shop' })

export function documents(manifests: readonly Manifest[]): string {
  return manifests.map((one) => JSON.stringify(one, undefined, 1)).join('\n---\n')
}

export function meshMode(access: 'audit' | 'enforce-selected' | 'enforce'): string {
  return documents([
    {
      apiVersion: 'tulle.dev/v1alpha1',
      kind: 'Mesh',
      metadata: { name: 'shop' },
      spec: { mtls: 'permissive', access },
    },
  ])
}

/** A Workload that runs the echo program, with its Service and account. */
export function workloadDocuments(name: string, account: string = name): string {
  const node = ['books', 'till', 'ledger'].includes(name) ? 'node-2' : 'node-1'
  return documents([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace: 'shop' } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: {
        selector: { app: name },
        ports: [
          { name: 'http', port: 80, targetPort: 8080 },
          { name: 'tcp', port: 9090 },
        ],
      },
    },
    {
      apiVersion: 'tulle.dev/v1alpha1',
      kind: 'Workload',
      metadata: {
        name,
        namespace: 'shop',
        labels: { app: name, ...(name === 'outside' ? { 'tulle.dev/dataplane-mode': 'none' } : {}) },
      },
      spec: {
        serviceAccount: account,
        node,
        ports: [{ port: 8080 }, { port: 9090 }],
        run: {
          command: ['node', program],
          env: { CONFORMANCE_SOCKET: `../agents/${name}.sock`, CONFORMANCE_NAME: name },
        },
      },
    },
  ])
}

export interface ReadRules {
  readonly readers: readonly string[]
  readonly methods?: readonly string[]
}

/** What `books` admits: requests. */
export function booksRules({ readers, methods = ['GET'] }: ReadRules): string {
  return documents([
    {
      apiVersion: 'specs.smi-spec.io/v1alpha4',
      kind: 'HTTPRouteGroup',
      metadata: { name: 'books-api', namespace: 'shop' },
      spec: { matches: [{ name: 'read', methods, pathRegex: '/books(/[a-z0-9]+)?$' }] },
    },
    target('books', readers, { kind: 'HTTPRouteGroup', name: 'books-api', matches: ['read'] }),
  ])
}

/** What `account` admits: connections, on these ports. */
export function tcpRules(account: string, sources: readonly string[], ports: readonly number[]): string {
  return documents([
    {
      apiVersion: 'specs.smi-spec.io/v1alpha4',
      kind: 'TCPRoute',
      metadata: { name: `${account}-ports`, namespace: 'shop' },
      spec: { matches: { ports } },
    },
    target(account, sources, { kind: 'TCPRoute', name: `${account}-ports` }),
  ])
}

function target(account: string, sources: readonly string[], rule: Manifest): Manifest {
  return {
    apiVersion: 'access.smi-spec.io/v1alpha3',
    kind: 'TrafficTarget',
    metadata: { name: `to-${account}`, namespace: 'shop' },
    spec: { destination: subject(account), rules: [rule], sources: sources.map(subject) },
  }
}

/** A route that changes nothing, so that callers of the service go through the waypoint. */
export function bindingRoute(service: string, rules: readonly Manifest[] = [plainRule(service)]): string {
  return documents([
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: service, namespace: 'shop' },
      spec: { parentRefs: [{ group: '', kind: 'Service', name: service, port: 80 }], rules },
    },
  ])
}

function plainRule(service: string): Manifest {
  return { backendRefs: [{ name: service, port: 80 }] }
}

/** The mesh, its workloads, and what one does with them. */
export class WaypointLab implements AsyncDisposable {
  readonly folder: MeshFolder
  readonly mesh: Mesh

  private constructor(folder: MeshFolder, mesh: Mesh) {
    this.folder = folder
    this.mesh = mesh
  }

  /** `args`: more of `tulle up`. */
  static async start(
    manifests: Readonly<Record<string, string>> = {},
    args: readonly string[] = [],
  ): Promise<WaypointLab> {
    const folder = new MeshFolder({
      args,
      manifests: {
        'mesh.yaml': meshMode('enforce-selected'),
        'books-rules.yaml': booksRules({ readers: ['reader'] }),
        'till-rules.yaml': tcpRules('till', ['reader'], [8080, 9090]),
        'ledger-rules.yaml': tcpRules('ledger', ['auditor'], [8080, 9090]),
        'till-route.yaml': bindingRoute('till'),
        ...Object.fromEntries(accounts.map((name) => [`${name}.yaml`, workloadDocuments(name)])),
        ...manifests,
      },
    })
    try {
      const lab = new WaypointLab(folder, await folder.start())
      for (const name of accounts) await lab.whenUp(name)
      await lab.settle()
      return lab
    } catch (error) {
      folder[Symbol.dispose]()
      throw error
    }
  }

  client(name: string): WorkloadClient {
    return new WorkloadClient(join(this.folder.root, 'agents', `${name}.sock`))
  }

  async whenUp(name: string): Promise<void> {
    const who = (): Promise<unknown> =>
      this.client(name)
        .do('who', {})
        .catch(() => undefined)
    await until(who, () => `${name} does not answer`)
  }

  /** `GET /books` of Service books, but for what `change` says. */
  call(from: string, change: Partial<Call> = {}): Promise<Answer> {
    return this.client(from).do('call', {
      protocol: 'http1',
      host: 'books',
      port: 80,
      method: 'GET',
      path: '/books',
      headers: [],
      body: '',
      withinMs: answerPatienceMs,
      ...change,
    })
  }

  /** The status; 0: there was no answer. */
  async status(from: string, change: Partial<Call> = {}): Promise<number> {
    return (await this.call(from, change)).status
  }

  /** Who greets on the port where servers speak first; empty: nobody. */
  async greeting(from: string, host: string, keepAs?: string): Promise<string> {
    const place = {
      host,
      port: 9090,
      withinMs: answerPatienceMs,
      ...(keepAs === undefined ? {} : { keepAs }),
    }
    return (await this.client(from).do('tcp', place)).by
  }

  /** What came to a workload with this id; '' for what has none. */
  async received(workload: string, id: string): Promise<readonly Received[]> {
    return (await this.client(workload).do('received', { id })).all
  }

  async waypoints(): Promise<readonly WaypointView[]> {
    return (await this.mesh.control.get<List<WaypointView>>('/v1/waypoints')).items
  }

  async waypointAddress(): Promise<string> {
    const [waypoint] = await this.waypoints()
    if (waypoint?.address === undefined) throw new Error('the mesh has no waypoint with an address')
    return waypoint.address
  }

  async serviceAddress(name: string): Promise<string> {
    const { items } =
      await this.mesh.control.get<List<{ readonly name: string; readonly addresses: readonly string[] }>>(
        '/v1/services',
      )
    const address = items.find((one) => one.name === name)?.addresses[0]
    if (address === undefined) throw new Error(`Service ${name} has no address`)
    return address
  }

  /** The pid of the waypoint's process on this machine; undefined where none runs. */
  waypointPid(): number | undefined {
    const isIt = (command: string): boolean => / waypoint --waypoint=shop\/tulle-waypoint /u.test(command)
    return this.mesh.processes().find(({ command }) => isIt(command))?.pid
  }

  /** Until all that the folder says holds at every node and waypoint. */
  async settle(): Promise<void> {
    let { revision } = await this.mesh.control.post<{ readonly revision: number }>('/v1/sync')
    const settled = async (): Promise<true | undefined> => {
      const view = await this.mesh.control.get<WaitView>(
        `/v1/wait?revision=${revision}&timeoutMs=${patienceMs}`,
      )
      const list = await this.mesh.control.get<List<WaypointView>>('/v1/waypoints')
      const isLast = view.applied && list.revision === revision && list.items.every(({ ready }) => ready)
      revision = list.revision
      return isLast ? true : undefined
    }
    const said = (): string => this.mesh.lines.all().slice(-20).join('\n')
    await until(settled, () => `what the folder says holds\n${said()}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]()
    this.folder[Symbol.dispose]()
  }
}
