import { errorText } from '@tulle/core'
import { hbonePort, inboundPlaintextPort, outboundPort } from '@tulle/hbone'
import { closeFd } from '@tulle/kernel'
import { ClientPool, HboneServer } from '@tulle/tunnel'
import type { CredentialHolder, TunnelTarget } from '@tulle/tunnel'
import { isLoopback } from '@tulle/mesh'
import type { ListenerPlan, ListenerRole, ListeningSocket, SocketAddress } from './data-plane.ts'
import { L4Error } from './errors.ts'
import { acceptTunnel } from './inbound-hbone.ts'
import { acceptPlaintext } from './inbound-plaintext.ts'
import { ListenerSet } from './listener-set.ts'
import type { Accepted, WantedListener } from './listener-set.ts'
import { acceptOutbound } from './outbound.ts'
import { openClientSocket } from './sockets.ts'
import { canonicalIp } from './workload-scope.ts'
import type { WorkloadScope } from './workload-scope.ts'

const everyAddress = '::'

/** What the redirection rules expect. */
const capturedPlan: ListenerPlan = {
  captured: true,
  outbound: { ip: everyAddress, port: outboundPort },
  hbone: { ip: everyAddress, port: hbonePort },
  plaintext: { ip: everyAddress, port: inboundPlaintextPort },
}

type Accept = (accepted: Accepted) => void

/**
 * One workload on one worker: its listeners, its pool, its HBONE server. `waiting` for state and certificate, then
 * `listening`, `draining`, then closed.
 */
export class Enrolment {
  readonly scope: WorkloadScope
  readonly #credentials: CredentialHolder
  readonly #pool: ClientPool
  readonly #server: HboneServer
  readonly #listeners: ListenerSet
  readonly #opened: PromiseWithResolvers<void> = Promise.withResolvers()
  /** Whoever enrolled it says when it listens. */
  #held: boolean
  #phase: 'waiting' | 'listening' | 'draining' | 'failed' | 'closed' = 'waiting'

  constructor(scope: WorkloadScope, credentials: CredentialHolder) {
    this.scope = scope
    this.#listeners = new ListenerSet(scope)
    this.#held = scope.enrolled.held === true
    this.#credentials = credentials
    this.#opened.promise.catch(() => undefined)
    const { accounts, clock, gate, keeper, limits, buffers } = scope.context
    const account = accounts.enter(scope.enrolled)
    const { held, windowBudget } = account
    this.#pool = new ClientPool({
      credentials,
      keeper,
      clock,
      windowBudget,
      held,
      slabs: buffers.received,
      served: scope.served,
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
      held,
      slabs: buffers.received,
      gate,
      served: scope.served,
      maxHandshakes: limits.maxHandshakes,
      maxHandshakesPerSource: limits.maxHandshakesPerSource,
      maxSessions: limits.maxInboundSessions,
      maxSessionsPerSource: limits.maxSessionsPerSource,
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      maxStreamsPerSession: limits.maxInboundStreamsPerSession,
      maxHeaderBytes: limits.maxHeaderBytes,
      maxEarlyBytes: limits.maxEarlyBytes,
      onHandshake: () => void account.handshakes++,
      onTunnel: (tunnel, address) => acceptTunnel(scope, tunnel, address),
      onRefused: (refusal, address) => {
        scope.context.telemetry.refusedPeer(refusal.reason)
        const leftOut = account.refuse(refusal.reason)
        if (leftOut === undefined) return
        scope.context.log.warn('HBONE connection refused', {
          workload: scope.uid,
          reason: refusal.reason,
          error: refusal.message,
          src: address.sourceIp,
          ...(leftOut > 0 && { leftOut }),
        })
      },
    })
    account.handshakesWaiting = () => this.#server.handshakesWaiting
  }

  /** Settles when the listeners are open, or never will be; one that is held: when nothing else is missing. */
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
      if (!this.#held) this.#listen(() => this.#listeners.open(this.#wanted()))
      this.#opened.resolve()
    } catch (error) {
      this.#opened.reject(error)
    }
  }

  /** Accepts from sockets that another process opened for it; its own stay closed until `release`. Throws L4Error. */
  adopt(sockets: readonly ListeningSocket[]): void {
    if (!this.#takesNew) for (const { fd } of sockets) closeFd(fd)
    else this.#listen(() => this.#listeners.adopt(this.#wanted(), sockets))
  }

  /** No longer held: opens those listeners that it was not given. Throws L4Error. */
  release(): void {
    this.#held = false
    if (this.#takesNew && this.waitsFor === undefined)
      this.#listen(() => this.#listeners.open(this.#wanted()))
  }

  exportListeners(worker: number): readonly ListeningSocket[] {
    return this.#listeners.export(worker)
  }

  /** No new connections: listeners close, peers are told to go elsewhere. What runs goes on. */
  drain(): void {
    if (this.#phase !== 'closed') this.#phase = 'draining'
    this.#listeners.close()
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
    this.scope.ended = true
    this.#opened.reject(new L4Error('L4_REMOVED', `${this.scope.uid} was removed before it listened`))
    this.#listeners.close()
    const { connections, demand } = this.scope.context
    connections.closeAll(this.scope.uid, reason)
    demand?.leave(this.scope.uid)
    this.#server.destroy()
    this.#pool.destroy()
  }

  get #takesNew(): boolean {
    return this.#phase === 'waiting' || this.#phase === 'listening'
  }

  #listen(run: () => void): void {
    try {
      run()
      this.#phase = 'listening'
    } catch (error) {
      this.#phase = 'failed'
      this.#listeners.close()
      throw new L4Error('L4_LISTEN', `listeners of ${this.scope.uid}: ${errorText(error)}`, { cause: error })
    }
  }

  #wanted(): readonly WantedListener[] {
    const { scope } = this
    const pool = this.#pool
    const plan = scope.enrolled.listeners ?? capturedPlan
    const wanted: WantedListener[] = []
    const listen = (role: ListenerRole | undefined, address: SocketAddress, onConnection: Accept): void => {
      wanted.push({ role, address, onConnection })
    }
    const outbound =
      (fixed?: SocketAddress): Accept =>
      (one) =>
        acceptOutbound(scope, pool, one, fixed)
    const plaintext =
      (fixed?: SocketAddress): Accept =>
      (one) =>
        acceptPlaintext(scope, one, fixed)
    if (plan.outbound) listen('outbound', plan.outbound, outbound())
    for (const { listen: address, destination } of plan.fixedOutbound ?? [])
      listen(undefined, address, outbound(destination))
    if (plan.hbone)
      listen('hbone', plan.hbone, ({ socket, peer }) =>
        this.#server.accept(socket, { address: peer.ip, port: peer.port }),
      )
    if (plan.plaintext) listen('plaintext', plan.plaintext, plaintext())
    for (const { listen: address, destination } of plan.fixedPlaintext ?? [])
      listen(undefined, address, plaintext(destination))
    return wanted
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
