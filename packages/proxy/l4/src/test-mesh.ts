/** What integration tests share: a certificate authority, workloads on loopback addresses, applications. */
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { must, systemClock } from '@tulle/core'
import { parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress, Service, Workload } from '@tulle/mesh'
import { addressResource, addressType, authorizationResource, authorizationType } from '@tulle/mesh-xds'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { emptyMatch } from '@tulle/policy'
import type { AuthorizationPolicy, Match } from '@tulle/policy'
import { certificatePem, createLeaf, createRoot, generateKeyPair, keyPem } from '@tulle/x509'
import type { Signer } from '@tulle/x509'
import type { WorkloadCertificate } from '@tulle/tunnel'

export const hourMs = 3_600_000

/**
 * A loopback address of this test process alone. Listeners share ports (SO_REUSEPORT), so that two processes with
 * the same addresses would be given one another's connections without a word.
 */
export function testAddress(last: number): string {
  return `127.${16 + ((process.pid >> 8) % 200)}.${process.pid & 255}.${last}`
}

export function testRoot(): Signer {
  const nowMs = systemClock.nowMs()
  return createRoot({
    subject: { organization: 'test' },
    notBeforeMs: nowMs - hourMs,
    notAfterMs: nowMs + 24 * hourMs,
  })
}

export interface TestCertificateOptions {
  readonly root: Signer
  readonly identity: SpiffeId
  /** Who may sign for which domain, as the holder believes; absent: the root for the identity's own domain. */
  readonly trusts?: ReadonlyMap<string, readonly Signer[]>
  readonly uriSans?: readonly string[]
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
}

export function testCertificate(options: TestCertificateOptions): WorkloadCertificate {
  const nowMs = systemClock.nowMs()
  const notBeforeMs = options.notBeforeMs ?? nowMs - hourMs
  const notAfterMs = options.notAfterMs ?? nowMs + hourMs
  const { publicKey, privateKey } = generateKeyPair()
  const leaf = createLeaf({
    issuer: options.root,
    publicKey,
    notBeforeMs,
    notAfterMs,
    uriSans: options.uriSans ?? [options.identity],
  })
  const domain = must(parseSpiffeId(options.identity)).trustDomain
  const trusts = options.trusts ?? new Map([[domain, [options.root]]])
  const roots = new Map(
    [...trusts].map(([name, signers]) => [
      must(parseTrustDomain(name)),
      signers.map((signer) => certificatePem(signer.certificate)),
    ]),
  )
  return {
    identity: options.identity,
    chainPem: certificatePem(leaf),
    keyPem: keyPem(privateKey),
    bundle: { roots },
    notBeforeMs,
    notAfterMs,
    serial: leaf.serial,
  }
}

export function ip(text: string): IpAddress {
  return must(parseIpAddress(text))
}

export function testWorkload(uid: string, address: string, options: Partial<Workload> = {}): Workload {
  return {
    uid,
    name: uid,
    namespace: 'shop',
    serviceAccount: uid,
    trustDomain: must(parseTrustDomain('cluster.local')),
    addresses: [ip(address)],
    network: '',
    tunnel: 'hbone',
    node: 'local',
    services: new Map(),
    policies: [],
    health: 'healthy',
    capacity: 1,
    kubeCluster: 'Kubernetes',
    canonicalName: uid,
    canonicalRevision: 'v1',
    workloadName: uid,
    workloadType: 'pod',
    hostname: '',
    nativeTunnel: false,
    hostNetwork: false,
    ...options,
  }
}

export function testService(name: string, address: string, options: Partial<Service> = {}): Service {
  return {
    name,
    namespace: 'shop',
    hostname: `${name}.shop.svc.cluster.local`,
    addresses: [{ network: '', address: ip(address) }],
    ports: [],
    subjectAltNames: [],
    ipFamilies: 'automatic',
    canonical: false,
    visibility: 'public',
    ingressUseWaypoint: false,
    weightedWaypoints: [],
    ...options,
  }
}

export function identityOfAccount(account: string): SpiffeId {
  return spiffeId(must(parseSpiffeId(`spiffe://cluster.local/ns/shop/sa/${account}`)))
}

/** Allows what matches, for the workloads that name it. */
export function allowPolicy(name: string, match: Partial<Match>): AuthorizationPolicy {
  return {
    name,
    namespace: 'shop',
    scope: 'workload',
    action: 'allow',
    dryRun: false,
    rules: [{ clauses: [{ matches: [{ ...emptyMatch, ...match }] }] }],
  }
}

export function principals(...accounts: readonly string[]): Partial<Match> {
  return {
    principals: accounts.map((account) => ({
      kind: 'exact',
      value: identityOfAccount(account).slice('spiffe://'.length),
    })),
  }
}

export function addressUpdate(
  workloads: readonly Workload[],
  services: readonly Service[] = [],
  removed: readonly string[] = [],
): ResourceUpdate {
  const upserts = [
    ...services.map((service) => addressResource({ kind: 'service', service })),
    ...workloads.map((workload) => addressResource({ kind: 'workload', workload })),
  ]
  return { typeUrl: addressType, upserts, removed }
}

export function policyUpdate(
  policies: readonly AuthorizationPolicy[],
  removed: readonly string[] = [],
): ResourceUpdate {
  return { typeUrl: authorizationType, upserts: policies.map(authorizationResource), removed }
}

/** A server on a loopback address; its port is the kernel's choice when absent. */
export async function startApp(
  address: string,
  onConnection: (socket: Socket) => void,
  port: number = 0,
): Promise<{ readonly server: Server; readonly port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(port, address, resolve))
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
