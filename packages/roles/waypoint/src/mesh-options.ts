import { defineOptions, durationMs, integer, option, path, text } from '@tulle/runtime'
import type { Option } from '@tulle/runtime'
import { sharedOptions } from './shared-options.ts'
import type { SharedOptions } from './shared-options.ts'

export interface MeshWaypointOptions extends SharedOptions {
  readonly waypoint: string
  readonly control: string
  readonly controlName: string
  readonly controlRoots: string
  readonly token: string
  readonly secrets: string
  readonly listen: string
  readonly workers: number
  readonly adminSocket: string
  readonly certificateLifetime: number
  readonly clusterId: string
}

/** Options of `tulle waypoint` in a mesh. */
export const meshWaypointOptions: {
  readonly [Name in keyof MeshWaypointOptions]: Option<MeshWaypointOptions[Name]>
} = defineOptions({
  waypoint: option(text, { doc: 'Which waypoint of the mesh this is.', placeholder: 'NAMESPACE/NAME' }),
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
    doc: 'File with the bearer token that says which waypoint this is.',
    placeholder: 'FILE',
  }),
  secrets: option(path, {
    default: '/run/tulle/waypoint',
    doc: 'Folder for keys and certificates; a tmpfs.',
    placeholder: 'DIR',
  }),
  listen: option(text, { default: '::', doc: 'Address to take HBONE at, on port 15008.', placeholder: 'IP' }),
  workers: option(integer(0, 64), {
    default: '1',
    doc: 'Threads of the data path, which share numbers of policies; 0: it shares a thread with everything else. See limits.md.',
    placeholder: 'N',
  }),
  adminSocket: option(text, { default: '', doc: 'Unix socket for the admin API.', placeholder: 'FILE' }),
  metricsPort: sharedOptions.metricsPort,
  healthPort: sharedOptions.healthPort,
  accessLog: sharedOptions.accessLog,
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
  drainDeadline: sharedOptions.drainDeadline,
  logLevel: sharedOptions.logLevel,
})
