import { join } from 'node:path'
import { errorText } from '@tulle/core'
import type { Explanation } from '@tulle/outputs'
import type { List, ObjectView, SyncView, WaitView, WaypointView } from '@tulle/status'
import { MeshFolder } from '../../support/mesh.ts'
import type { Mesh } from '../../support/mesh.ts'
import { answerPatienceMs, patienceMs, until } from '../../support/waiting.ts'
import { baseObjects, workloadManifest, workloads } from '../base.ts'
import type { Manifest } from '../lib/case.ts'
import type { CaseObjects, MeshDriver, ObjectCondition, TcpCall } from '../lib/driver.ts'
import type { Explained, ExplainedCall } from '../lib/explained.ts'
import type { Answer, Call, Received, TcpOutcome } from '../workload/protocol.ts'
import { WorkloadClient } from '../workload/workload-client.ts'

const udpWithinMs = 400

/** `tulle up` on a folder: the objects of the case are one file of it. */
export class TulleDriver implements MeshDriver {
  readonly name: string = 'Tulle, in a folder'
  readonly #folder: MeshFolder
  readonly #mesh: Mesh
  readonly #clients: ReadonlyMap<string, WorkloadClient>

  private constructor(folder: MeshFolder, mesh: Mesh) {
    this.#folder = folder
    this.#mesh = mesh
    this.#clients = new Map(
      workloads.map(({ namespace, name }) => [
        `${namespace}/${name}`,
        new WorkloadClient(join(folder.root, 'agents', `${namespace}.${name}.sock`)),
      ]),
    )
  }

  static async start(): Promise<TulleDriver> {
    const folder = new MeshFolder({
      manifests: {
        'mesh.yaml': meshManifest(false),
        'base.yaml': documents([
          ...baseObjects(),
          ...workloads.map((one) =>
            workloadManifest(one, { CONFORMANCE_SOCKET: `../agents/${one.namespace}.${one.name}.sock` }),
          ),
        ]),
        'case.yaml': '',
      },
    })
    try {
      const driver = new TulleDriver(folder, await folder.start())
      for (const name of driver.#clients.keys()) await driver.#whenUp(name)
      await driver.#settle()
      return driver
    } catch (error) {
      folder[Symbol.dispose]()
      throw error
    }
  }

  async apply({ manifests, denyByDefault }: CaseObjects): Promise<readonly string[]> {
    const mode = meshManifest(denyByDefault)
    if (this.#folder.read('mesh.yaml') !== mode) this.#folder.write('mesh.yaml', mode)
    this.#folder.write('case.yaml', documents(manifests))
    const problems = await this.#settle()
    for (const { kind, metadata } of manifests)
      if (kind === 'Service') await this.#whenNamed(`${metadata.name}.${metadata.namespace}`)
    return problems
  }

  call(from: string, call: Call): Promise<Answer> {
    return this.#client(from).do('call', call)
  }

  async calls(
    from: string,
    calls: Call & { readonly count: number; readonly connections: number },
  ): Promise<Readonly<Record<string, number>>> {
    return (await this.#client(from).do('calls', calls)).tally
  }

  async received(workload: string, id: string): Promise<readonly Received[]> {
    return (await this.#client(workload).do('received', { id })).all
  }

  tcp(from: string, call: TcpCall): Promise<TcpOutcome> {
    return this.#client(from).do('tcp', { ...call, withinMs: answerPatienceMs })
  }

  async tcpAlive(from: string, id: string): Promise<boolean> {
    return (await this.#client(from).do('tcpAlive', { id, withinMs: answerPatienceMs })).alive
  }

  async udp(from: string, to: { readonly host: string; readonly port: number }): Promise<boolean> {
    return (await this.#client(from).do('udp', { ...to, withinMs: udpWithinMs })).answered
  }

  async conditions(object: string): Promise<readonly ObjectCondition[] | undefined> {
    const { items } = await this.#mesh.control.get<List<ObjectView>>('/v1/objects')
    const one = items.find(({ kind, namespace, name }) => `${kind} ${namespace}/${name}` === object)
    return one?.conditions.map(({ type, status, reason, parent }) => ({
      type,
      status,
      reason,
      ...(parent === undefined ? {} : { parent: parent.index }),
    }))
  }

  addressOf(workload: string): Promise<string> {
    return this.#mesh.addressOf(workload)
  }

  async explain(from: string, call: ExplainedCall): Promise<Explained> {
    const { host, port, method, path, headers = [], authority, protocol } = call
    const query = new URLSearchParams({ from, to: host, port: `${port}` })
    const isRead = await this.#isRead(query)
    if (path !== undefined && isRead) {
      query.set('method', method ?? 'GET')
      query.set('path', path)
      const grpc = protocol === 'grpc' ? [['content-type', 'application/grpc'] as const] : []
      const host_ = authority === undefined ? [] : [['host', authority] as const]
      for (const [name, value] of [...headers, ...grpc, ...host_]) query.append('header', `${name}: ${value}`)
    }
    const explained = await this.#explanation(query)
    if (typeof explained === 'string') return refusedUnread(explained)
    const { allowed, summary, request, endpoints } = explained
    return {
      allowed,
      isRead,
      summary,
      by: endpoints.filter((one) => one.allowed).map(({ uid }) => uid.split('/').slice(-2).join('/')),
      ...(request?.answer === undefined ? {} : { status: request.answer.status }),
    }
  }

  /** Whether somebody reads requests there: of others, there is nothing to explain. */
  async #isRead(query: URLSearchParams): Promise<boolean> {
    const explained = await this.#explanation(query)
    return typeof explained !== 'string' && explained.waypoint?.used === true
  }

  /** Or why there is none: what is asked is no request to the mesh, and it says what it answers. */
  #explanation(query: URLSearchParams): Promise<Explanation | string> {
    return this.#mesh.control.get<Explanation>(`/v1/explain?${query.toString()}`).catch(errorText)
  }

  #client(name: string): WorkloadClient {
    const client = this.#clients.get(name)
    if (client === undefined) throw new Error(`the suite has no workload ${name}`)
    return client
  }

  async #whenUp(name: string): Promise<void> {
    const ask = (): Promise<unknown> =>
      this.#client(name)
        .do('who', {})
        .catch(() => undefined)
    await until(ask, () => `workload ${name} does not answer`)
  }

  /** Names of new Services reach their callers besides what the mesh is told. */
  async #whenNamed(host: string): Promise<void> {
    for (const name of this.#clients.keys())
      await until(
        async () => ((await this.#client(name).do('resolves', { host })).resolves ? true : undefined),
        () => `${name} does not know ${host}`,
      )
  }

  /** Until everything in the folder holds at every node and waypoint; callers are sent to a new waypoint only then. */
  async #settle(): Promise<readonly string[]> {
    const { control } = this.#mesh
    const { revision, problems } = await control.post<SyncView>('/v1/sync')
    let next = revision
    const settled = async (): Promise<true | undefined> => {
      const view = await control.get<WaitView>(`/v1/wait?revision=${next}&timeoutMs=${patienceMs}`)
      if (!view.applied) throw new Error(`revision ${next} was not applied: ${JSON.stringify(view.nodes)}`)
      const waypoints = await control.get<List<WaypointView>>('/v1/waypoints')
      const isLast = waypoints.revision === next && waypoints.items.every(({ ready }) => ready)
      next = waypoints.revision
      return isLast ? true : undefined
    }
    await until(
      settled,
      () => `what the folder says holds everywhere\n${this.#mesh.lines.all().slice(-20).join('\n')}`,
    )
    return problems.map(({ code, message }) => `${code}: ${message}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mesh[Symbol.asyncDispose]()
    this.#folder[Symbol.dispose]()
  }
}

function refusedUnread(summary: string): Explained {
  const status = /a waypoint answers (?<status>\d{3})/u.exec(summary)?.groups?.['status']
  if (status === undefined) throw new Error(summary)
  return { allowed: false, isRead: true, summary, by: [], status: Number(status) }
}

function meshManifest(denyByDefault: boolean): string {
  return documents([
    {
      apiVersion: 'tulle.dev/v1alpha1',
      kind: 'Mesh',
      metadata: { name: 'conformance' },
      spec: { mtls: 'permissive', access: denyByDefault ? 'enforce' : 'enforce-selected' },
    },
  ])
}

function documents(manifests: readonly Manifest[]): string {
  return manifests.map((one) => JSON.stringify(one, undefined, 1)).join('\n---\n')
}
