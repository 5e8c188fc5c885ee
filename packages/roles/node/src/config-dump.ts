import type { CertificateStatus, IdentityDump } from '@tulle/control-client'
import type { ConnectionInfo, WorkerDump } from '@tulle/l4'
import type { ZdsWorkload } from '@tulle/kernel'

export interface ConfigDumpParts {
  readonly version: string
  readonly config: Readonly<Record<string, unknown>>
  readonly enrolled: readonly ZdsWorkload[]
  readonly workers: readonly WorkerDump[]
  readonly connections: readonly ConnectionInfo[]
  readonly certificates: readonly CertificateStatus[]
  /** What is known of the control plane; `refusedState` says why its state is not taken over. */
  readonly control: {
    readonly connected: boolean
    readonly synced: boolean
    readonly refusedState: string | undefined
  }
  readonly identities: IdentityDump
}

/** The keys of ztunnel's dump, so that `istioctl ztunnel-config` reads it; all workers hold the same state. */
export function configDump(parts: ConfigDumpParts): unknown {
  const first = parts.workers[0]
  return {
    workloads: first?.workloads ?? [],
    services: first?.services ?? [],
    policies: first?.policies ?? [],
    stagedServices: {},
    staticConfig: { workloads: [], services: [], policies: [] },
    version: { version: parts.version },
    config: parts.config,
    certificates: parts.certificates.map(dumpCertificate),
    control: parts.control,
    identities: parts.identities,
    workloadState: Object.fromEntries(
      parts.enrolled.map((enrolled) => [enrolled.uid, workloadState(enrolled, parts)]),
    ),
    workers: parts.workers.map(({ worker, ready, refusedPolicies, enrolled }) => ({
      worker,
      ready,
      refusedPolicies,
      enrolled,
    })),
  }
}

function workloadState(addition: ZdsWorkload, { connections, workers }: ConfigDumpParts): unknown {
  const own = connections.filter((connection) => connection.workload === addition.uid)
  const address = ({ ip, port }: { readonly ip: string; readonly port: number }): string => `${ip}:${port}`
  const entry = (connection: ConnectionInfo): unknown => ({
    src: address(connection.source),
    originalDst: address(connection.destination),
    actualDst: address(connection.destination),
    protocol: connection.protocol.toUpperCase(),
  })
  return {
    state: workers.every((worker) =>
      worker.enrolled.some((one) => one.uid === addition.uid && one.state === 'listening'),
    )
      ? 'Up'
      : 'Pending',
    info: { name: addition.name, namespace: addition.namespace, serviceAccount: addition.serviceAccount },
    connections: {
      inbound: own.filter((connection) => connection.direction === 'inbound').map(entry),
      outbound: own.filter((connection) => connection.direction === 'outbound').map(entry),
    },
  }
}

function dumpCertificate(status: CertificateStatus): unknown {
  const time = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : new Date(ms).toISOString()
  return {
    identity: status.identity,
    state:
      status.state === 'available'
        ? 'Available'
        : status.state === 'waiting'
          ? 'Initializing'
          : `Unavailable: ${status.lastError ?? ''}`,
    certChain:
      status.serial === undefined
        ? []
        : [
            {
              pem: status.chainPem,
              serialNumber: status.serial,
              validFrom: time(status.notBeforeMs),
              expirationTime: time(status.notAfterMs),
            },
          ],
    rootCerts: [],
  }
}

/** A certificate in a table: no key, no PEM. */
export interface CertificateView {
  readonly identity: string
  readonly status: CertificateStatus['state']
  readonly serial: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly nextRequestMs: number
  readonly lastError: string
}

export function certificateView(status: CertificateStatus): CertificateView {
  return {
    identity: status.identity,
    status: status.state,
    serial: status.serial ?? '',
    notBeforeMs: status.notBeforeMs ?? 0,
    notAfterMs: status.notAfterMs ?? 0,
    nextRequestMs: status.nextRequestMs,
    lastError: status.lastError ?? '',
  }
}
