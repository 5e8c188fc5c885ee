import { closeFd, netnsOfPid } from '@tulle/kernel'
import type { List, WaitView, WaypointView } from '@tulle/status'
import type { Mesh } from '../../tests/support/mesh.ts'
import { until } from '../../tests/support/waiting.ts'
import type { MeasuredProcess } from '../support/measurement.ts'
import { measuredProcess, pin } from '../support/mesh-processes.ts'
import type { LoadTarget } from '../support/own-load.ts'
import { loadCore, proxyCore } from '../support/run-setting.ts'
import { namespace, servicePort, workloadPort, workloads } from './path-mesh.ts'

/** One way from a caller's namespace to an application. */
export interface MeshPath extends LoadTarget {
  readonly proxies: readonly MeasuredProcess[]
}

/** The ways through a mesh that runs, its proxies on one core and the applications on the other. */
export class MeshPaths implements Disposable {
  readonly paths: readonly MeshPath[]
  readonly #namespaces: readonly number[]

  private constructor(paths: readonly MeshPath[], namespaces: readonly number[]) {
    this.paths = paths
    this.#namespaces = namespaces
  }

  static async of(mesh: Mesh): Promise<MeshPaths> {
    await settle(mesh)
    const [near, far] = [await mesh.pidOf('node-1'), await mesh.pidOf('node-2')]
    const waypoint = waypointPid(mesh)
    const applications = new Set<number>()
    for (const { name } of workloads) applications.add(await mesh.pidOf(`${namespace}/${name}`))
    // What keeps their logs is with the proxies, not with the load.
    for (const { pid } of mesh.processes()) pin(pid, applications.has(pid) ? loadCore : proxyCore)
    const caller = netnsOfPid(await mesh.pidOf(`${namespace}/caller`))
    const outsider = netnsOfPid(await mesh.pidOf(`${namespace}/outsider`))
    const proxies = (...pids: readonly number[]): readonly MeasuredProcess[] =>
      pids.map((pid) => measuredProcess(mesh, pid))
    const through = { networks: { near: caller }, port: servicePort }
    const paths: readonly MeshPath[] = [
      {
        name: 'direct',
        networks: { near: outsider },
        ip: await mesh.addressOf(`${namespace}/plain`),
        port: workloadPort,
        proxies: [],
      },
      {
        name: 'node proxies',
        ...through,
        ip: await serviceAddress(mesh, 'server'),
        proxies: proxies(near, far),
      },
      {
        name: 'with a waypoint',
        ...through,
        ip: await serviceAddress(mesh, 'routed'),
        proxies: proxies(near, waypoint, far),
      },
    ]
    return new MeshPaths(paths, [caller, outsider])
  }

  [Symbol.dispose](): void {
    for (const fd of this.#namespaces) closeFd(fd)
  }
}

/** Until all that the manifests say holds at every proxy, the waypoint that they need included. */
async function settle(mesh: Mesh): Promise<void> {
  let { revision } = await mesh.control.post<{ readonly revision: number }>('/v1/sync')
  const settled = async (): Promise<true | undefined> => {
    const view = await mesh.control.get<WaitView>(`/v1/wait?revision=${revision}&timeoutMs=5000`)
    const list = await mesh.control.get<List<WaypointView>>('/v1/waypoints')
    const isLast = view.applied && list.revision === revision && list.items.length > 0
    revision = list.revision
    return isLast && list.items.every(({ ready }) => ready) ? true : undefined
  }
  await until(settled, () => mesh.lines.all().slice(-20).join('\n'))
}

function waypointPid(mesh: Mesh): number {
  const isIt = (command: string): boolean => command.includes(` waypoint --waypoint=${namespace}/`)
  const found = mesh.processes().find(({ command }) => isIt(command))
  if (found === undefined) throw new Error('expected a waypoint among the processes of the mesh, found none')
  return found.pid
}

async function serviceAddress(mesh: Mesh, name: string): Promise<string> {
  interface ServiceAddress {
    readonly name: string
    readonly addresses: readonly string[]
  }
  const { items } = await mesh.control.get<List<ServiceAddress>>('/v1/services')
  const address = items.find((one) => one.name === name)?.addresses[0]
  if (address === undefined) throw new Error(`Service ${name} has no address`)
  return address
}
