import {
  byteSize,
  defineOptions,
  durationMs,
  list,
  logLevels,
  oneOf,
  option,
  path,
  port,
  text,
} from '@tulle/runtime'
import type { Option, OptionParser, OptionValues } from '@tulle/runtime'
import { err, ok } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import type { TrustDomain } from '@tulle/identity'
import { parseIpRange } from '@tulle/mesh'
import type { IpRange } from '@tulle/mesh'

/** It becomes a folder's name, and the subject of a token. */
const nodeName: OptionParser<string> = (value) =>
  /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/u.test(value)
    ? ok(value)
    : err('expected node names of letters, digits, ".", "-" and "_"')

const trustDomain: OptionParser<TrustDomain | undefined> = (value) =>
  value === '' ? ok(undefined) : parseTrustDomain(value)

/** The options of `tulle control`: flags, and TULLE_… variables. */
export const controlOptions: ControlOptionTable = defineOptions({
  manifests: option(path, {
    doc: 'Folder (or file, or - for standard input) with the manifests.',
    placeholder: 'PATH',
  }),
  state: option(path, {
    default: '.tulle',
    doc: 'Folder for keys, addresses and sockets; made 0700.',
    placeholder: 'DIR',
  }),
  listenHost: option(text, {
    default: '127.0.0.1',
    doc: 'Address to serve configuration and certificates on.',
    placeholder: 'IP',
  }),
  listenPort: option(port, { default: '15012', doc: 'Port for it; 0 takes any.', placeholder: 'PORT' }),
  trustDomain: option(trustDomain, {
    default: '',
    doc: "Trust domain of the mesh, whatever the Mesh object says; that object's if empty.",
    placeholder: 'DOMAIN',
  }),
  workloadRange: option(parseIpRange, {
    default: '10.77.0.0/16',
    doc: 'IPv4 prefix that addresses of workloads are allotted from.',
    placeholder: 'PREFIX',
  }),
  nodes: option(list(nodeName), {
    default: 'local',
    doc: 'Nodes to keep a token for, in STATE/nodes/NAME/token.',
    placeholder: 'NAME,…',
  }),
  nodeTokenTtl: option(durationMs, {
    default: '1h',
    doc: 'How long such a token holds; renewed at half of it, after a restart with a quarter left.',
    placeholder: 'TIME',
  }),
  certificateTtl: option(durationMs, {
    default: '24h',
    doc: "How long a workload's certificate holds.",
    placeholder: 'TIME',
  }),
  maxRequestSize: option(byteSize, {
    default: '16MiB',
    doc: 'Largest message taken from a node; a reconnect names all it has.',
    placeholder: 'SIZE',
  }),
  waypointDrain: option(durationMs, {
    default: '30s',
    doc: 'How long what runs through a waypoint that leaves may take to finish.',
    placeholder: 'TIME',
  }),
  drainDeadline: option(durationMs, {
    default: '5s',
    doc: 'How long what runs may finish after SIGTERM.',
    placeholder: 'TIME',
  }),
  logLevel: option(oneOf(logLevels), {
    default: 'info',
    doc: 'Least level that is logged.',
    placeholder: 'LEVEL',
  }),
})

export type ControlOptionTable = {
  readonly manifests: Option<string>
  readonly state: Option<string>
  readonly listenHost: Option<string>
  readonly listenPort: Option<number>
  readonly trustDomain: Option<TrustDomain | undefined>
  readonly workloadRange: Option<IpRange>
  readonly nodes: Option<readonly string[]>
  readonly nodeTokenTtl: Option<number>
  readonly certificateTtl: Option<number>
  readonly maxRequestSize: Option<number>
  readonly waypointDrain: Option<number>
  readonly drainDeadline: Option<number>
  readonly logLevel: Option<(typeof logLevels)[number]>
}

/** Times are in milliseconds, sizes in bytes. */
export type ControlOptions = OptionValues<ControlOptionTable>
