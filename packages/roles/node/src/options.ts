import { join } from 'node:path'
import {
  byteSize,
  defineOptions,
  durationMs,
  integer,
  list,
  logLevels,
  oneOf,
  option,
  path,
  port,
  text,
} from '@tulle/runtime'
import type { LogLevel, Option } from '@tulle/runtime'

type OptionTableOf<Values> = { readonly [Name in keyof Values]: Option<Values[Name]> }

/** What both ways of running have. */
interface SharedOptions {
  readonly workers: number
  readonly maxConnections: number
  readonly maxHandshakes: number
  readonly maxHeldBytes: number
  readonly idleSession: number
  readonly metricsPort: number
  readonly accessLog: string
  readonly drainDeadline: number
  readonly logLevel: LogLevel
}

const takeOverChoices = ['never', 'if-running', 'required'] as const
export type TakeOverChoice = (typeof takeOverChoices)[number]

const subscribeChoices = ['wildcard', 'on-demand'] as const
export type SubscribeChoice = (typeof subscribeChoices)[number]

export interface NodeOptions extends SharedOptions {
  readonly node: string
  readonly control: string
  readonly controlName: string
  readonly controlRoots: string
  readonly token: string
  readonly subscribe: SubscribeChoice
  readonly zds: string
  readonly secrets: string
  readonly takeOver: TakeOverChoice
  readonly takeOverTimeout: number
  readonly handoverSocket: string
  readonly handoverDrain: number
  readonly keeperSocket: string
  readonly listeners: string
  readonly adminSocket: string
  readonly adminPort: number
  readonly healthPort: number
  readonly certificateLifetime: number
  readonly clusterId: string
  readonly network: string
  readonly trustDomain: string
}

export interface StandaloneOptions extends SharedOptions {
  readonly config: string
  readonly workload: string
  readonly key: string
  readonly certificate: string
  readonly roots: string
  readonly forward: readonly string[]
  readonly hbone: string
}

const sharedOptions: OptionTableOf<SharedOptions> = {
  workers: option(integer(1, 64), { default: '2', doc: 'Threads of the data path.', placeholder: 'N' }),
  maxConnections: option(integer(0, 1_000_000), {
    default: '0',
    doc: 'Connections that one workload may have, on each of --workers; 0: 16384, or what leaves half of the open files to others. See limits.md.',
    placeholder: 'N',
  }),
  maxHandshakes: option(integer(1, 65_536), {
    default: '512',
    doc: 'TLS handshakes in progress of one workload, on each of --workers; a quarter of them from one address.',
    placeholder: 'N',
  }),
  maxHeldBytes: option(byteSize, {
    default: '256MiB',
    doc: 'Payload that may wait for slow applications before their peers are held back; a quarter of it for one workload. As much again for windows that grow.',
    placeholder: 'BYTES',
  }),
  idleSession: option(durationMs, {
    default: '5m',
    doc: 'An HBONE session that carries nothing is let go after this.',
    placeholder: 'TIME',
  }),
  metricsPort: option(port, { default: '15020', doc: 'Port of /metrics; 0 for none.', placeholder: 'PORT' }),
  accessLog: option(text, {
    default: '-',
    doc: 'Where access log lines go: a file, - for standard output, none.',
    placeholder: 'FILE',
  }),
  drainDeadline: option(durationMs, {
    default: '5s',
    doc: 'How long open connections may finish after SIGTERM.',
    placeholder: 'TIME',
  }),
  logLevel: option(oneOf(logLevels), {
    default: 'info',
    doc: 'Least level of log lines.',
    placeholder: 'LEVEL',
  }),
}

/** Options of `tulle node` in a mesh. */
export const nodeOptions: OptionTableOf<NodeOptions> = defineOptions({
  node: option(text, { doc: 'Name of the node whose workloads this proxy serves.', placeholder: 'NAME' }),
  control: option(text, {
    default: '127.0.0.1:15012',
    doc: 'Address of the control plane.',
    placeholder: 'HOST:PORT',
  }),
  controlName: option(text, {
    default: 'tulle-control',
    doc: "Name in the control plane's certificate.",
    placeholder: 'NAME',
  }),
  controlRoots: option(path, {
    doc: 'PEM file with the roots to verify the control plane with.',
    placeholder: 'FILE',
  }),
  token: option(path, {
    doc: 'File with the bearer token that binds this proxy to its node.',
    placeholder: 'FILE',
  }),
  subscribe: option(oneOf(subscribeChoices), {
    default: 'wildcard',
    doc: 'Which workloads and services to be told of: wildcard (all of them), on-demand (those of this node, and what they connect to, when they do). Policies always come in full.',
    placeholder: 'WHICH',
  }),
  zds: option(path, {
    default: '/var/run/ztunnel/ztunnel.sock',
    doc: 'Socket that tells which workloads the node has.',
    placeholder: 'FILE',
  }),
  secrets: option(path, {
    default: '/run/tulle/node',
    doc: 'Folder for keys, certificates and last good state; a tmpfs.',
    placeholder: 'DIR',
  }),
  takeOver: option(oneOf(takeOverChoices), {
    default: 'never',
    doc: "Whether to take over the listening sockets of the proxy that runs on this node: never, if-running (it may be the node's first), required.",
    placeholder: 'WHEN',
  }),
  takeOverTimeout: option(durationMs, {
    default: '30s',
    doc: 'Ends without having taken over when it is not ready after this; the proxy that runs goes on.',
    placeholder: 'TIME',
  }),
  handoverSocket: option(text, {
    default: '',
    doc: 'Socket where the next proxy of this node asks for the listening sockets; handover.sock in the folder of --secrets if empty.',
    placeholder: 'FILE',
  }),
  handoverDrain: option(durationMs, {
    default: '30s',
    doc: 'How long connections stay open in a proxy that another one took over from.',
    placeholder: 'TIME',
  }),
  keeperSocket: option(text, {
    default: '',
    doc: 'Socket of the process that keeps the listening sockets while no proxy runs, so that new connections wait; none if empty.',
    placeholder: 'FILE',
  }),
  listeners: option(text, {
    default: '',
    doc: 'Folder with a file for each workload that says where to listen for it, for workloads without namespaces: NAMESPACE_NAME.json. Nothing is redirected then. If empty, workloads have namespaces.',
    placeholder: 'DIR',
  }),
  adminSocket: option(text, { default: '', doc: 'Unix socket for the admin API.', placeholder: 'FILE' }),
  adminPort: option(port, {
    default: '15000',
    doc: 'Admin port on loopback; 0 for none.',
    placeholder: 'PORT',
  }),
  healthPort: option(port, {
    default: '15021',
    doc: 'Port of /healthz/ready; 0 for none.',
    placeholder: 'PORT',
  }),
  certificateLifetime: option(durationMs, {
    default: '24h',
    doc: 'Lifetime to ask the CA for.',
    placeholder: 'TIME',
  }),
  clusterId: option(text, {
    default: 'Kubernetes',
    doc: 'Cluster that the proxy says it is in.',
    placeholder: 'NAME',
  }),
  network: option(text, { default: '', doc: 'Network that the node is in.', placeholder: 'NAME' }),
  trustDomain: option(text, {
    default: 'cluster.local',
    doc: "The mesh's: workloads of the node have their identities in it.",
    placeholder: 'NAME',
  }),
  ...sharedOptions,
})

/** Options of `tulle node --config FILE`: no control plane, the namespace it is started in. */
export const standaloneOptions: OptionTableOf<StandaloneOptions> = defineOptions({
  config: option(path, {
    doc: 'Workloads, services and policies, as in a ztunnel file.',
    placeholder: 'FILE',
  }),
  workload: option(text, {
    doc: 'The workload of the file that this proxy serves.',
    placeholder: 'NAMESPACE/NAME',
  }),
  key: option(path, { doc: 'PEM file with its private key.', placeholder: 'FILE' }),
  certificate: option(path, { doc: 'PEM file with its certificate and intermediates.', placeholder: 'FILE' }),
  roots: option(path, { doc: 'PEM file with the roots of its trust domain.', placeholder: 'FILE' }),
  forward: option(list(text), {
    default: '',
    doc: 'Without redirection: listen here, carry to there (IP:PORT=IP:PORT, …).',
    placeholder: 'LIST',
  }),
  hbone: option(text, {
    default: '',
    doc: 'Address for HBONE, where it is not port 15008 of every address.',
    placeholder: 'IP:PORT',
  }),
  ...sharedOptions,
})

export function handoverPath(options: Pick<NodeOptions, 'handoverSocket' | 'secrets'>): string {
  return options.handoverSocket === '' ? join(options.secrets, 'handover.sock') : options.handoverSocket
}
