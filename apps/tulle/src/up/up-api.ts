import type { Clock } from '@tulle/core'
import { capturePackets } from '@tulle/kernel'
import type { CapturedPacket } from '@tulle/kernel'
import { badRequest, json } from '@tulle/runtime'
import type { AdminReply, AdminRequest, AdminRoute } from '@tulle/runtime'
import type { UpMode } from './mode.ts'
import { uplinkName } from './node-network.ts'
import type { Nodes, UpNode } from './nodes.ts'
import type { UpgradeEvent, UpgradeOptions } from './upgrade-node.ts'
import { execInWorkload } from './workload-exec.ts'
import type { ExecResult } from './workload-exec.ts'
import type { LaunchSurroundings } from './workload-process.ts'
import { workloadKey } from './workloads.ts'
import type { Workloads } from './workloads.ts'
import type { HostsFiles } from './hosts-files.ts'

export interface UpView {
  readonly mode: UpMode
  readonly nodes: readonly {
    readonly name: string
    readonly pid: number
    readonly restarts: number
    readonly address: string
  }[]
  readonly workloads: readonly {
    readonly workload: string
    readonly node: string
    readonly pid: number
    readonly restarts: number
  }[]
}

/** What passed between two nodes, as a person may want to see it. */
export interface PacketView {
  readonly from: string
  readonly to: string
  readonly payload: string
}

export interface UpApiDeps {
  readonly mode: UpMode
  readonly nodes: Nodes
  readonly workloads: Workloads
  readonly hosts: HostsFiles
  readonly surroundings: LaunchSurroundings
  readonly clock: Clock
}

const maxExecMs = 60_000
const maxCapturePackets = 1000
const maxCaptureMs = 10_000
const maxWorkers = 64

/** What only the process that made the namespaces can do: look into them, and run something there. */
export function upRoutes(deps: UpApiDeps): readonly AdminRoute[] {
  return [
    { method: 'GET', path: '/v1/up', handle: async () => json(await upView(deps)) },
    { method: 'POST', path: '/v1/exec', handle: (request) => exec(deps, request) },
    { method: 'GET', path: '/v1/packets', handle: (request) => packets(deps, request) },
    { method: 'POST', path: '/v1/upgrade', handle: (request) => upgrade(deps, request) },
  ]
}

async function upView({ mode, nodes, workloads }: UpApiDeps): Promise<UpView> {
  return {
    mode,
    nodes: (await nodes.list()).map(({ name, proxy, network }) => ({
      name,
      pid: proxy.pid ?? 0,
      restarts: proxy.restarts,
      address: network.address,
    })),
    workloads: workloads.list().map(({ launch, process }) => ({
      workload: workloadKey(launch),
      node: launch.node,
      pid: process.pid ?? 0,
      restarts: process.restarts,
    })),
  }
}

/** `?workload=NAMESPACE/NAME&arg=…&arg=…`: runs a command as the workload and answers with what it printed. */
async function exec(deps: UpApiDeps, request: AdminRequest): Promise<AdminReply> {
  const name = request.query.get('workload') ?? ''
  const running = deps.workloads.get(name)
  if (running === undefined) {
    const names = deps.workloads.list().map((one) => workloadKey(one.launch))
    return badRequest(`expected a running workload (${names.join(', ')}), found ${JSON.stringify(name)}`)
  }
  const command = request.query.getAll('arg')
  if (command.length === 0) return badRequest('expected a command, found none')
  const result: ExecResult = await execInWorkload(
    {
      running,
      command,
      hostsFile: deps.hosts.pathFor(running.launch.namespace),
      timeoutMs: maxExecMs,
      signal: request.signal,
    },
    { surroundings: deps.surroundings, clock: deps.clock },
  )
  return json(result)
}

/** `?node=NAME&program=FILE&workers=N`: has the node's proxy replaced by a new process; a line an event. */
async function upgrade({ nodes }: UpApiDeps, { query }: AdminRequest): Promise<AdminReply> {
  const wanted = query.getAll('node')
  const all = await nodes.list()
  const unknown = wanted.find((name) => !all.some((one) => one.name === name))
  if (unknown !== undefined) {
    const names = all.map(({ name }) => name).join(', ')
    return badRequest(`expected the name of a node (${names}), found ${JSON.stringify(unknown)}`)
  }
  const program = query.get('program') ?? undefined
  const workers = query.has('workers') ? Number(query.get('workers')) : undefined
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 1 && workers <= maxWorkers))
    return badRequest(`expected workers=1–${maxWorkers}`)
  const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
  const options = {
    ...(program === undefined ? {} : { program }),
    ...(workers === undefined ? {} : { workers }),
  }
  return { kind: 'lines', values: upgradeInTurn(chosen, options) }
}

/** One after the other: a failure leaves the rest as they are. */
async function* upgradeInTurn(
  nodes: readonly UpNode[],
  options: UpgradeOptions,
): AsyncIterable<UpgradeEvent> {
  for (const node of nodes) {
    for await (const event of node.upgrade(options)) {
      yield event
      if (event.kind === 'failed') return
    }
  }
}

/** `?node=NAME&count=N`: the next packets with payload on the node's link to the others. */
async function packets(deps: UpApiDeps, request: AdminRequest): Promise<AdminReply> {
  const wanted = request.query.get('node') ?? ''
  const node = (await deps.nodes.list()).find((one) => one.name === wanted)
  if (node === undefined) return badRequest(`expected the name of a node, found ${JSON.stringify(wanted)}`)
  const { netns } = node.network
  if (netns === undefined) return badRequest('packets between nodes are seen only where they have namespaces')
  const count = Number(request.query.get('count') ?? 20)
  if (!Number.isInteger(count) || count < 1 || count > maxCapturePackets)
    return badRequest(`expected a count of 1–${maxCapturePackets}`)
  const port = Number(request.query.get('port') ?? 0)
  const keep = ({ tcp, payload }: CapturedPacket): boolean =>
    tcp !== undefined &&
    payload.length > 0 &&
    (port === 0 || tcp.sourcePort === port || tcp.destinationPort === port)
  using capture = capturePackets({ netns, link: uplinkName, maxPackets: count, keep })
  const timeUp = Promise.withResolvers<void>()
  using _timer = deps.clock.after(maxCaptureMs, () => timeUp.resolve())
  await Promise.race([capture.ended, timeUp.promise])
  return json(capture.packets().map(packetView))
}

function packetView({ ip, tcp, payload }: CapturedPacket): PacketView {
  return {
    from: `${ip?.source ?? ''}:${tcp?.sourcePort ?? 0}`,
    to: `${ip?.destination ?? ''}:${tcp?.destinationPort ?? 0}`,
    payload: payload.toString('base64'),
  }
}
