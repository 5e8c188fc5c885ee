import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type {
  List,
  NodeView,
  ObjectView,
  PolicyView,
  ServiceView,
  WaypointView,
  WorkloadView,
} from '@tulle/status'
import type { RevocationView } from '@tulle/control'
import type { CertificateView, ConnectionView } from '@tulle/node'
import { adminClient } from '../admin-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { formatBytes, formatDuration, render } from '../output/format.ts'
import type { OutputFormat } from '../output/format.ts'
import { renderTable } from '../output/table.ts'
import type { Style } from '../output/style.ts'
import { requireRunning } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'

export const getKinds = [
  'workloads',
  'services',
  'policies',
  'objects',
  'waypoints',
  'nodes',
  'connections',
  'certificates',
  'revocations',
] as const
export type GetKind = (typeof getKinds)[number]

export interface GetOptions {
  readonly kind: GetKind
  readonly state: StateFolder
  readonly output: OutputFormat
  readonly watch: boolean
  readonly style: Style
  readonly nowMs: () => number
  readonly print: (text: string) => void
  readonly signal: AbortSignal
}

/** `tulle get KIND`: what the mesh knows of itself, as a table or as data. */
export async function get(options: GetOptions): Promise<void> {
  requireRunning(options.state)
  if (options.kind === 'connections' || options.kind === 'certificates')
    return getFromNodes(options, options.kind)
  const client = adminClient(options.state.controlSocket)
  const path = `/v1/${options.kind}`
  if (!options.watch) {
    await show(options, (await client.get<List<never>>(path)).items)
    return
  }
  for await (const list of client.watch<List<never>>(`${path}?watch=1`, options.signal))
    await show(options, list.items)
}

async function getFromNodes(options: GetOptions, kind: 'connections' | 'certificates'): Promise<void> {
  if (options.watch) {
    throw new CommandError(
      exitCodes.usage,
      `--watch follows what the control plane knows; ${kind} are asked of the nodes, once`,
    )
  }
  const nodes = readdirSync(join(options.state.root, 'nodes')).toSorted()
  const answers = await Promise.allSettled(
    nodes.map(async (node) => {
      const items = await adminClient(options.state.node(node).adminSocket).get<readonly object[]>(
        `/v1/${kind}`,
      )
      return items.map((item) => ({ node, ...item }))
    }),
  )
  await show(
    options,
    answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])),
  )
}

async function show(options: GetOptions, items: readonly unknown[]): Promise<void> {
  options.print(await render(options.output, items, () => renderKind(options, items)))
}

/** One table a kind; the casts are safe because the kind chose the path that was asked. */
function renderKind({ kind, style, nowMs }: GetOptions, items: readonly unknown[]): string {
  switch (kind) {
    case 'workloads':
      return workloadTable(items as readonly WorkloadView[])
    case 'services':
      return serviceTable(items as readonly ServiceView[])
    case 'policies':
      return policyTable(items as readonly PolicyView[], style)
    case 'objects':
      return objectTable(items as readonly ObjectView[], style)
    case 'waypoints':
      return waypointTable(items as readonly WaypointView[], style)
    case 'nodes':
      return nodeTable(items as readonly NodeView[], style)
    case 'connections':
      return connectionTable(items as readonly (ConnectionView & { node: string })[], nowMs())
    case 'certificates':
      return certificateTable(items as readonly (CertificateView & { node: string })[], nowMs())
    case 'revocations':
      return revocationTable(items as readonly RevocationView[])
  }
}

function workloadTable(items: readonly WorkloadView[]): string {
  return renderTable(
    ['NAMESPACE', 'NAME', 'ADDRESS', 'NODE', 'PROTOCOL', 'SERVICES', 'POLICIES', 'IDENTITY'],
    items.map((item) => [
      item.namespace,
      item.name,
      item.addresses.join(','),
      item.node,
      item.tunnel === 'hbone' ? 'HBONE' : 'TCP',
      String(item.services.length),
      String(item.policies.length),
      item.identity,
    ]),
  )
}

function serviceTable(items: readonly ServiceView[]): string {
  return renderTable(
    ['NAMESPACE', 'NAME', 'ADDRESS', 'PORTS', 'ENDPOINTS'],
    items.map((item) => [
      item.namespace,
      item.name,
      item.addresses.join(',') || '-',
      item.ports
        .map((port) =>
          port.servicePort === port.targetPort
            ? `${port.servicePort}`
            : `${port.servicePort}→${port.targetPort || 'named'}`,
        )
        .join(','),
      String(item.endpoints.length),
    ]),
  )
}

function policyTable(items: readonly PolicyView[], style: Style): string {
  return renderTable(
    ['NAMESPACE', 'NAME', 'ACTION', 'SCOPE', 'RULES', 'WORKLOADS', 'MODE'],
    items.map((item) => [
      item.namespace || '-',
      item.name,
      item.action.toUpperCase(),
      item.scope,
      String(item.rules.length),
      item.scope === 'workload' ? String(item.workloads.length) : 'all',
      item.rejectedBy.length > 0
        ? style.bad(`refused by ${item.rejectedBy.map((by) => by.node).join(',')}`)
        : item.dryRun
          ? style.warn('audit')
          : 'enforced',
    ]),
  )
}

function objectTable(items: readonly ObjectView[], style: Style): string {
  return renderTable(
    ['KIND', 'NAMESPACE', 'NAME', 'CONDITIONS', 'WRITTEN AT', 'MESSAGE'],
    items.map((item) => {
      const wrong = item.conditions.filter(
        (condition) => condition.status !== 'True' && condition.type !== 'Conflicted',
      )
      const conflict = item.conditions.filter(
        (condition) => condition.type === 'Conflicted' && condition.status === 'True',
      )
      const bad = [...wrong, ...conflict]
      return [
        item.kind,
        item.namespace || '-',
        item.name,
        bad.length === 0
          ? style.good('ok')
          : style.bad(bad.map((condition) => `${condition.type}=${condition.status}`).join(',')),
        `${item.origin.file}:${item.origin.line}`,
        bad.map((condition) => condition.message).join('; '),
      ]
    }),
  )
}

function waypointTable(items: readonly WaypointView[], style: Style): string {
  return renderTable(
    ['NAMESPACE', 'NAME', 'ADDRESS', 'READY', 'SERVICES', 'WHY'],
    items.map((item) => [
      item.namespace,
      item.name,
      item.address ?? '-',
      item.ready ? style.good('yes') : style.warn(item.leaving === undefined ? 'no' : 'leaving'),
      String(item.services.length),
      item.reasons.join('; '),
    ]),
  )
}

function nodeTable(items: readonly NodeView[], style: Style): string {
  return renderTable(
    ['NODE', 'CONNECTED', 'SINCE', 'APPLIED', 'REJECTED'],
    items.map((item) => [
      item.node,
      item.connected ? style.good('yes') : style.bad('no'),
      item.since,
      String(item.appliedRevision),
      String(item.types.reduce((sum, type) => sum + type.rejected.length, 0)),
    ]),
  )
}

function connectionTable(items: readonly (ConnectionView & { node: string })[], nowMs: number): string {
  const at = ({ ip, port }: { readonly ip: string; readonly port: number }): string => `${ip}:${port}`
  return renderTable(
    ['NODE', 'WORKLOAD', 'DIRECTION', 'FROM', 'TO', 'PROTOCOL', 'PEER', 'SENT', 'RECEIVED', 'AGE'],
    items.map((item) => [
      item.node,
      item.workload,
      item.direction,
      at(item.source),
      at(item.destination),
      item.protocol.toUpperCase(),
      (item.direction === 'inbound' ? item.sourceIdentity : item.destinationIdentity) ?? '-',
      formatBytes(item.bytesSent),
      formatBytes(item.bytesReceived),
      formatDuration(nowMs - item.openedMs),
    ]),
  )
}

function revocationTable(items: readonly RevocationView[]): string {
  return renderTable(
    ['KIND', 'REVOKED', 'BY', 'WRITTEN AT'],
    items.map(({ kind, value, by, origin }) => [
      kind,
      value,
      by,
      origin === undefined ? '-' : `${origin.file}:${origin.line}`,
    ]),
  )
}

function certificateTable(items: readonly (CertificateView & { node: string })[], nowMs: number): string {
  return renderTable(
    ['NODE', 'IDENTITY', 'STATUS', 'SERIAL', 'NOT AFTER', 'LEFT'],
    items.map((item) => [
      item.node,
      item.identity,
      item.status,
      item.serial,
      item.notAfterMs === 0 ? '-' : new Date(item.notAfterMs).toISOString(),
      item.notAfterMs === 0 ? '-' : formatDuration(Math.max(0, item.notAfterMs - nowMs)),
    ]),
  )
}
