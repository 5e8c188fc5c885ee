/** A pool and a server on one loopback address, for tests. */
import { systemClock } from '@tulle/core'
import type { Clock, Result } from '@tulle/core'
import type { SpiffeId } from '@tulle/identity'
import {
  duplicateFd,
  listenTcp,
  localAddress,
  openTcpSocket,
  PlainListener,
  PlainSocket,
} from '@tulle/kernel'
import { ByteBudget } from './byte-budget.ts'
import { ClientPool } from './client-pool.ts'
import { CredentialHolder } from './credential-holder.ts'
import type { WorkloadCertificate } from './credentials.ts'
import type { TunnelTarget } from './dial.ts'
import type { DialFailure } from './errors.ts'
import { HandshakeGate } from './handshake-gate.ts'
import { HeldBytes } from './held-bytes.ts'
import { LastServed } from './last-served.ts'
import type { ServedWorkload } from './last-served.ts'
import { HboneServer } from './hbone-server.ts'
import type { HboneServerOptions, ServerRefusal } from './hbone-server.ts'
import { ReceiveSlabs } from './receive-slabs.ts'
import { SessionKeeper } from './session-keeper.ts'
import type { ClientTunnelSession } from './tunnel-session.ts'

const loopback = '127.0.0.1'

export interface TestServer extends AsyncDisposable {
  readonly port: number
  readonly hbone: HboneServer
  readonly credentials: CredentialHolder
  readonly keeper: SessionKeeper
  /** Ends its connections as the kernel does when the process is killed: at once, and without a word. */
  kill(): void
  /** The next connection that comes to nothing. */
  refused(): Promise<ServerRefusal>
}

export async function startServer(
  certificate: WorkloadCertificate,
  { address = loopback, ...options }: Partial<HboneServerOptions> & { readonly address?: string } = {},
): Promise<TestServer> {
  const clock = options.clock ?? systemClock
  const credentials = new CredentialHolder(clock)
  credentials.set(certificate)
  const keeper = new SessionKeeper(clock, 3_600_000)
  let refusal = Promise.withResolvers<ServerRefusal>()
  const hbone = new HboneServer({
    credentials,
    keeper,
    clock,
    windowBudget: new ByteBudget(1024 * 1024),
    held: new HeldBytes(clock, 64 * 1024 * 1024),
    slabs: new ReceiveSlabs(),
    gate: new HandshakeGate({ maxPerTurn: 1 }),
    served: new LastServed().workload(),
    maxHandshakes: 16,
    maxHandshakesPerSource: 16,
    maxSessions: 64,
    maxSessionsPerSource: 64,
    handshakeTimeoutMs: 5000,
    maxStreamsPerSession: 100,
    maxHeaderBytes: 16_384,
    maxEarlyBytes: 65_536,
    onTunnel: (tunnel) => tunnel.refuse('503'),
    onRefused: (found) => refusal.resolve(found),
    ...options,
  })
  const taken = new Set<number>()
  const fd = listenTcp({ address, port: 0 })
  const port = localAddress(fd)?.port ?? 0
  const listener = new PlainListener(fd, {
    onConnection(socket, peer) {
      taken.add(socket.fd)
      hbone.accept(socket, peer)
    },
    onError: (error) => {
      throw error
    },
  })
  return {
    port,
    hbone,
    credentials,
    keeper,
    kill() {
      for (const socket of [...taken].map((one) => new PlainSocket(duplicateFd(one)))) {
        socket.end()
        socket.destroy()
      }
      taken.clear()
    },
    async refused() {
      const found = await refusal.promise
      refusal = Promise.withResolvers()
      return found
    },
    async [Symbol.asyncDispose]() {
      hbone.destroy()
      keeper[Symbol.dispose]()
      listener.close()
    },
  }
}

export interface TestClient extends Disposable {
  readonly pool: ClientPool
  readonly credentials: CredentialHolder
  acquire(port: number, expected: readonly SpiffeId[]): Promise<Result<ClientTunnelSession, DialFailure>>
}

export function startClient(
  certificate: WorkloadCertificate,
  options: {
    readonly clock?: Clock
    readonly maxStreamsPerSession?: number
    readonly maxSessionsPerTarget?: number
    readonly served?: ServedWorkload
  } = {},
): TestClient {
  const clock = options.clock ?? systemClock
  const credentials = new CredentialHolder(clock)
  credentials.set(certificate)
  const keeper = new SessionKeeper(clock, 3_600_000)
  const pool = new ClientPool({
    credentials,
    keeper,
    clock,
    slabs: new ReceiveSlabs(),
    windowBudget: new ByteBudget(1024 * 1024),
    held: new HeldBytes(clock, 64 * 1024 * 1024),
    served: options.served ?? new LastServed().workload(),
    connectTimeoutMs: 5000,
    maxStreamsPerSession: options.maxStreamsPerSession ?? 100,
    idleSessionMs: 300_000,
    maxSessionsPerTarget: options.maxSessionsPerTarget ?? 64,
    openSocket: () => openTcpSocket({ family: 4 }),
  })
  return {
    pool,
    credentials,
    acquire(port, destinationIdentities) {
      const target: TunnelTarget = {
        address: loopback,
        port,
        destinationIdentities,
        sourceAddress: loopback,
      }
      return new Promise((resolve) => pool.acquire(target, resolve))
    },
    [Symbol.dispose]() {
      pool.destroy()
      keeper[Symbol.dispose]()
    },
  }
}
