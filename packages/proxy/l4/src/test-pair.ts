// Two data planes with a workload each and everything between them, for the tests of the whole way.
import { createHash } from 'node:crypto'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, TestClock } from '@tulle/core'
import { serviceKey } from '@tulle/mesh'
import type { Service, Workload } from '@tulle/mesh'
import type { AuthorizationPolicy } from '@tulle/policy'
import { silentLog } from '@tulle/runtime'
import type { WorkloadCertificate } from '@tulle/tunnel'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane, ListenerPlan, SocketAddress } from './data-plane.ts'
import {
  addressUpdate,
  allowPolicy,
  identityOfAccount,
  policyUpdate,
  principals,
  testAddress,
  testCertificate,
  testRoot,
  testWorkload,
} from './test-mesh.ts'

export const clientAddress: string = testAddress(1)
export const serverAddress: string = testAddress(2)
export const root: ReturnType<typeof testRoot> = testRoot()

export interface Pair extends AsyncDisposable {
  readonly client: DataPlane
  readonly server: DataPlane
  /** Waits until the access logs of both have said this much. */
  logged(lines: number): Promise<readonly Record<string, unknown>[]>
  /** A connection of the client's application, already on its way to the server's. */
  call(): Socket
}

export const serverWorkload: Workload = testWorkload('books', serverAddress, { policies: ['shop/books'] })
const clientWorkload = testWorkload('shopper', clientAddress)

export interface PairOptions {
  readonly workers?: number
  readonly policies?: readonly AuthorizationPolicy[]
  readonly service?: Service
  /** Plaintext straight to the server's proxy, without the client's. */
  readonly plaintext?: boolean
  readonly clientCertificate?: WorkloadCertificate
  readonly serverCertificate?: WorkloadCertificate
  /** More of the two sides' listeners. */
  readonly listeners?: { readonly client?: ListenerPlan; readonly server?: ListenerPlan }
  /** Where the client's application calls from; the client's address where absent. */
  readonly callFrom?: string
}

/** Two data planes, each with one workload, and everything between them. */
export async function startPair(appPort: number, options: PairOptions = {}): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'tulle-l4-'))
  const file = await open(join(folder, 'access.log'), 'a+')
  const clock = new TestClock(systemClock.nowMs())
  const makePlane = (): DataPlane =>
    createDataPlane(
      { workers: options.workers ?? 0 },
      { log: silentLog, clock, accessLogFd: file.fd, onIdentityNeeded: () => undefined },
    )
  const client = makePlane()
  const server = makePlane()
  const listen = { ip: clientAddress, port: 20_000 + (appPort % 10_000) }
  const enrol = (plane: DataPlane, uid: string, listeners: ListenerPlan): Promise<void> =>
    plane.addWorkload({ uid, namespace: 'shop', name: uid, serviceAccount: uid, netns: undefined, listeners })
  const { service, listeners = {} } = options
  const destination = destinationOf(service, appPort)
  const plaintext = { listen: { ip: serverAddress, port: listen.port }, destination }
  const enrolled = Promise.all([
    enrol(client, 'shopper', { fixedOutbound: [{ listen, destination }], ...listeners.client }),
    enrol(server, 'books', {
      hbone: { ip: serverAddress, port: 15_008 },
      fixedPlaintext: [plaintext],
      ...listeners.server,
    }),
  ])
  const services = service === undefined ? [] : [service]
  const served = new Map(services.map((one) => [serviceKey(one), []]))
  const addresses = addressUpdate([clientWorkload, { ...serverWorkload, services: served }], services)
  for (const plane of [client, server]) {
    await plane.apply(policyUpdate(options.policies ?? [allowPolicy('books', principals('shopper'))]))
    await plane.apply(addresses)
  }
  const certificate = (account: string): WorkloadCertificate =>
    testCertificate({ root, identity: identityOfAccount(account) })
  await client.setCertificates([options.clientCertificate ?? certificate('shopper')])
  await server.setCertificates([options.serverCertificate ?? certificate('books')])
  await enrolled
  const host = options.plaintext === true ? serverAddress : clientAddress
  const { callFrom: localAddress = clientAddress } = options
  return {
    client,
    server,
    call: () => connect({ host, port: listen.port, localAddress, allowHalfOpen: true }),
    async logged(count) {
      for (;;) {
        await clock.advance(100)
        const lines = (await readFile(join(folder, 'access.log'), 'utf8')).split('\n')
        if (lines.length <= count) continue
        return lines.slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>)
      }
    },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await file.close()
      await rm(folder, { recursive: true })
    },
  }
}

function destinationOf(service: Service | undefined, appPort: number): SocketAddress {
  return {
    ip: service?.addresses[0]?.address ?? serverAddress,
    port: service?.ports[0]?.servicePort ?? appPort,
  }
}

/** What comes until the other side ends. Not by iteration, which would destroy the socket and its other half. */
export function readAll(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.resume()
    socket.once('end', () => resolve(Buffer.concat(chunks)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
  })
}

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
export async function echoed(pair: Pair, text: string): Promise<string> {
  const socket = pair.call()
  socket.end(text)
  return (await readAll(socket)).toString()
}

/** Resolves when a connection is over, however that comes about. */
export function over(socket: Socket): Promise<void> {
  socket.on('error', () => undefined)
  socket.resume()
  return new Promise((resolve) => {
    socket.once('close', () => resolve())
    socket.once('end', () => socket.destroy())
  })
}

export const echo = (socket: Socket): void => void socket.pipe(socket)
