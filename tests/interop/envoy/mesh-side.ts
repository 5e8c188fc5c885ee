/** Our side of the tests with Envoy: one workload behind a data plane of ours, on loopback addresses. */
import { mkdtempSync, openSync, readFileSync, closeSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must, systemClock } from '@tulle/core'
import { parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { createDataPlane } from '@tulle/l4'
import type { DataPlane, DataPlaneDeps, ListenerPlan } from '@tulle/l4'
import { parseIpAddress } from '@tulle/mesh'
import type { Workload } from '@tulle/mesh'
import { addressResource, addressType, authorizationResource, authorizationType } from '@tulle/mesh-xds'
import { emptyMatch } from '@tulle/policy'
import type { AuthorizationPolicy } from '@tulle/policy'
import { silentLog } from '@tulle/runtime'
import type { WorkloadCertificate } from '@tulle/tunnel'
import { certificatePem, createLeaf, createRoot, generateKeyPair, keyPem } from '@tulle/x509'
import type { Credentials } from './envoy-config.ts'

const hourMs = 3_600_000
const nowMs = systemClock.nowMs()
const times = { notBeforeMs: nowMs - hourMs, notAfterMs: nowMs + hourMs }
const root = createRoot({ subject: { organization: 'test' }, ...times })
const trustDomain = must(parseTrustDomain('cluster.local'))

export const clientIp = '127.21.0.1'
export const serverIp = '127.21.0.2'

export function identityOf(account: string): SpiffeId {
  return spiffeId(must(parseSpiffeId(`spiffe://cluster.local/ns/shop/sa/${account}`)))
}

export function certificateOf(account: string): WorkloadCertificate {
  const { publicKey, privateKey } = generateKeyPair()
  const identity = identityOf(account)
  const leaf = createLeaf({ issuer: root, publicKey, uriSans: [identity], ...times })
  return {
    identity,
    chainPem: certificatePem(leaf),
    keyPem: keyPem(privateKey),
    bundle: { roots: new Map([[trustDomain, [certificatePem(root.certificate)]]]) },
    serial: leaf.serial,
    ...times,
  }
}

/** The same for Envoy, which is told whom to expect. */
export function credentialsOf(account: string, peer: string): Credentials {
  const { keyPem: key, chainPem: certificate } = certificateOf(account)
  return { key, certificate, roots: certificatePem(root.certificate), peer: identityOf(peer) }
}

function workload(name: string, ip: string, policies: readonly string[]): Workload {
  return {
    uid: name,
    name,
    namespace: 'shop',
    serviceAccount: name,
    trustDomain,
    addresses: [must(parseIpAddress(ip))],
    network: '',
    tunnel: 'hbone',
    node: 'local',
    services: new Map(),
    policies,
    health: 'healthy',
    capacity: 1,
    kubeCluster: 'Kubernetes',
    canonicalName: name,
    canonicalRevision: 'v1',
    workloadName: name,
    workloadType: 'pod',
    hostname: '',
    nativeTunnel: false,
    hostNetwork: false,
  }
}

/** Only `shopper` may call `books`. */
const policy: AuthorizationPolicy = {
  name: 'books',
  namespace: 'shop',
  scope: 'workload',
  action: 'allow',
  dryRun: false,
  rules: [
    {
      clauses: [
        {
          matches: [
            { ...emptyMatch, principals: [{ kind: 'exact', value: 'cluster.local/ns/shop/sa/shopper' }] },
          ],
        },
      ],
    },
  ],
}

export interface MeshSide extends AsyncDisposable {
  /** The lines of the access log, once there are so many. */
  logged(count: number): Promise<readonly Record<string, unknown>[]>
}

/** A data plane with one worker, for `shopper` (at `clientIp`) or `books` (at `serverIp`). */
export async function startMeshSide(name: 'shopper' | 'books', listeners: ListenerPlan): Promise<MeshSide> {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-envoy-'))
  const logFile = join(folder, 'access.log')
  const accessLogFd = openSync(logFile, 'a', 0o600)
  const deps: DataPlaneDeps = {
    log: silentLog,
    clock: systemClock,
    accessLogFd,
    onIdentityNeeded: () => undefined,
  }
  const plane: DataPlane = createDataPlane({ workers: 1 }, deps)
  await plane.apply({ typeUrl: authorizationType, upserts: [authorizationResource(policy)], removed: [] })
  const workloads = [workload('shopper', clientIp, []), workload('books', serverIp, ['shop/books'])]
  const upserts = workloads.map((one) => addressResource({ kind: 'workload', workload: one }))
  await plane.apply({ typeUrl: addressType, upserts, removed: [] })
  await plane.setCertificates([certificateOf(name)])
  const enrolled = { uid: name, namespace: 'shop', name, serviceAccount: name, netns: undefined, listeners }
  await plane.addWorkload(enrolled)
  return {
    logged: (count) => linesOf(logFile, count),
    async [Symbol.asyncDispose]() {
      await plane[Symbol.asyncDispose]()
      closeSync(accessLogFd)
      rmSync(folder, { recursive: true })
    },
  }
}

/** Lines are written behind the connection that they tell of. */
export async function linesOf(file: string, count: number): Promise<readonly Record<string, unknown>[]> {
  for (;;) {
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    if (lines.length >= count) return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    await systemClock.sleep(20)
  }
}

export interface App extends AsyncDisposable {
  readonly port: number
}

/** An application on a loopback address; the kernel chooses its port. */
export async function startApp(ip: string, onConnection: (socket: Socket) => void): Promise<App> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, ip, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
