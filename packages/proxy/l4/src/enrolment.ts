import type { Server, Socket } from 'node:net'
import { errorText } from '@tulle/core'
import { hbonePort, inboundPlaintextPort, outboundPort } from '@tulle/hbone'
import { ClientPool, HboneServer } from '@tulle/tunnel'
import type { CredentialHolder, TunnelTarget } from '@tulle/tunnel'
import { isLoopback } from '@tulle/mesh'
import type { ListenerPlan, SocketAddress } from './data-plane.ts'
import { L4Error } from './errors.ts'
import { acceptTunnel } from './inbound-hbone.ts'
import { acceptPlaintext } from './inbound-plaintext.ts'
import { acceptOutbound } from './outbound.ts'
import { openClientSocket, openListener } from './sockets.ts'
import { canonicalIp } from './workload-scope.ts'
import type { WorkloadScope } from './workload-scope.ts'

const everyAddress = '::'
const everyIpv4Address = '0.0.0.0'

/** What the redirection rules expect. */
const capturedPlan: ListenerPlan = {
  captured: true,
  outbound: { ip: everyAddress, port: outboundPort },
  hbone: { ip: everyAddress, port: hbonePort },
  plaintext: { ip: everyAddress, port: inboundPlaintextPort },
}

/**
 * One workload on one worker: its listeners, its pool, its HBONE server. `waiting` for state and certificate, then
 * `listening`, then closed.
 */
export class Enrolment {
  readonly scope: WorkloadScope
  readonly #credentials: CredentialHolder
  readonly #pool: ClientPool
  readonly #server: HboneServer
  readonly #listeners: Server[] = []
  readonly #opened: PromiseWithResolvers<void> = Promise.withResolvers()
  #phase: 'waiting' | 'listening' | 'failed' | 'closed' = 'waiting'

  constructor(scope: WorkloadScope, credentials: CredentialHolder) {
    this.scope = scope
    this.#credentials = credentials
    this.#opened.promise.catch(() => undefined)
    const { clock, keeper, limits, buffers, windowBudget } = scope.context
    this.#pool = new ClientPool({
      credentials,
      keeper,
      clock,
      windowBudget,
      slabs: buffers.received,
      connectTimeoutMs: limits.connectTimeoutMs,
      maxStreamsPerSession: limits.maxStreamsPerSession,
      idleSessionMs: limits.idleSessionMs,
      maxSessionsPerTarget: limits.maxSessionsPerTarget,
      openSocket: (target) => openClientSocket(scope.place, target.address, this.#sessionSource(target)),
    })
    this.#server = new HboneServer({
      credentials,
      keeper,
      clock,
      windowBudget,
      maxHandshakes: limits.maxHandshakes,
      maxSessions: limits.maxInboundSessions,
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      maxStreamsPerSession: limits.maxInboundStreamsPerSession,
      maxHeaderBytes: limits.maxHeaderBytes,
      maxEarlyBytes: limits.maxEarlyBytes,
      onTunnel: (tunnel, address) => acceptTunnel(scope, tunnel, address),
      onRefused: (refusal, address) => {
        scope.context.telemetry.refusedPeer(refusal.reason)
        scope.context.log.warn('HBONE connection refused', {
          workload: scope.uid,
          reason: refusal.reason,
          error: refusal.message,
          src: address.sourceIp,
        })
      },
    })
  }

  /** Settles when the listeners are open, or never will be. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  get phase(): string {
    return this.#phase
  }

  /** What it waits for. */
  get waitsFor(): string | undefined {
    if (this.#phase !== 'waiting') return undefined
    if (!this.scope.context.state.complete) return 'the first full state'
    return this.#credentials.current === undefined ? 'a certificate' : undefined
  }

  /** Opens the listeners as soon as nothing is missing any more. */
  tryOpen(): void {
    if (this.#phase !== 'waiting' || this.waitsFor !== undefined) return
    try {
      this.#listen(this.scope.enrolled.listeners ?? capturedPlan)
      this.#phase = 'listening'
      this.#opened.resolve()
    } catch (error) {
      this.#phase = 'failed'
      this.#closeListeners()
      this.#opened.reject(
        new L4Error('L4_LISTEN', `listeners of ${this.scope.uid}: ${errorText(error)}`, { cause: error }),
      )
    }
  }

  /** No new connections: listeners close, peers are told to go elsewhere. What runs goes on. */
  drain(): void {
    this.#closeListeners()
    this.#server.drain()
  }

  /** Nothing runs any more: the sessions that it ran over can go. */
  drainPool(): void {
    this.#pool.drain()
  }

  /** Everything ends now. */
  close(reason: string): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#opened.reject(new L4Error('L4_REMOVED', `${this.scope.uid} was removed before it listened`))
    this.#closeListeners()
    this.scope.context.connections.closeAll(this.scope.uid, reason)
    this.#server.destroy()
    this.#pool.destroy()
  }

  #listen(plan: ListenerPlan): void {
    const { scope } = this
    const pool = this.#pool
    if (plan.outbound) this.#open(plan.outbound, (socket) => acceptOutbound(scope, pool, socket, undefined))
    for (const { listen, destination } of plan.fixedOutbound ?? []) {
      this.#open(listen, (socket) => acceptOutbound(scope, pool, socket, destination))
    }
    if (plan.hbone) this.#open(plan.hbone, (socket) => this.#server.accept(socket))
    if (plan.plaintext) this.#open(plan.plaintext, (socket) => acceptPlaintext(scope, socket, undefined))
    for (const { listen, destination } of plan.fixedPlaintext ?? []) {
      this.#open(listen, (socket) => acceptPlaintext(scope, socket, destination))
    }
  }

  #open(address: SocketAddress, onConnection: (paused: Socket) => void): void {
    const { scope } = this
    const on = {
      onConnection,
      onError: (error: Error) =>
        scope.context.log.error('listener failed', { workload: scope.uid, error: errorText(error) }),
    }
    if (address.ip !== everyAddress) {
      this.#listeners.push(openListener(scope.place, address, on))
      return
    }
    try {
      this.#listeners.push(openListener(scope.place, address, on))
    } catch {
      // IPv6 is switched off in many namespaces; without it there is nothing to listen for.
      this.#listeners.push(openListener(scope.place, { ...address, ip: everyIpv4Address }, on))
    }
  }

  #closeListeners(): void {
    for (const server of this.#listeners.splice(0)) server.close()
  }

  /**
   * The receiver authorizes by the session's source address, so that must be the application's. Outside of captured
   * namespaces it can be borrowed only where both ends are loopback.
   */
  #sessionSource(target: TunnelTarget): SocketAddress | undefined {
    const source = canonicalIp(target.sourceAddress)
    const destination = canonicalIp(target.address)
    if (source === undefined || destination === undefined) return undefined
    const near = isLoopback(source) && isLoopback(destination)
    return this.scope.place.captured || near ? { ip: source, port: 0 } : undefined
  }
}
