import type { Server, Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Server as TlsServer, TLSSocket } from 'node:tls'
import { listenFd, listenTcp, useOnread } from '@tulle/kernel'
import { MeshError } from '@tulle/core'
import type { CertificatePem, ListenerPlan } from '../plane/http-plan.ts'
import type { ReadBuffer } from './read-buffer.ts'
import { SocketLink } from './socket-link.ts'

export interface Arrival {
  readonly socket: Socket
  readonly link: SocketLink
  readonly isHttp2: boolean
}

export interface ListenerDeps {
  readonly buffer: ReadBuffer
  readonly handshakeTimeoutMs: number
  /** Whether another connection may come in. */
  mayArrive(): boolean
  onArrival(arrival: Arrival): void
  onError(error: Error): void
}

/** A listening port of one thread; the kernel spreads connections over those of all threads. */
export class Listener {
  readonly #plan: ListenerPlan
  readonly #deps: ListenerDeps
  readonly #server: Server
  readonly #tls: TlsServer | undefined

  /** Throws KernelError where the port cannot be had, MeshError where the certificate is none. */
  constructor(plan: ListenerPlan, deps: ListenerDeps) {
    this.#plan = plan
    this.#deps = deps
    this.#tls = plan.protocol === 'https' ? this.#makeTls(plan.certificate) : undefined
    const fd = listenTcp({ address: plan.ip, port: plan.port, reusePort: true })
    this.#server = listenFd(fd, {
      onConnection: (socket) => this.#onConnection(socket),
      onError: (error) => deps.onError(error),
    })
  }

  /** Takes no further connections. */
  close(): void {
    this.#server.close()
  }

  #onConnection(paused: Socket): void {
    if (!this.#deps.mayArrive()) {
      paused.destroy()
      return
    }
    if (this.#tls !== undefined) {
      paused.on('error', () => undefined)
      // TLS takes this over: half open, a peer that leaves during its handshake would stay until the timeout.
      paused.allowHalfOpen = false
      this.#tls.emit('connection', paused)
      return
    }
    const link = new SocketLink(this.#deps.buffer)
    this.#deps.onArrival({ socket: paused, link, isHttp2: this.#plan.protocol === 'http2' })
  }

  #makeTls(certificate: CertificatePem | undefined): TlsServer {
    if (certificate === undefined)
      throw new MeshError('L7_CERTIFICATE', `${this.#plan.name} has no certificate`)
    const server = createServer({
      cert: certificate.chain,
      key: certificate.key,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: this.#deps.handshakeTimeoutMs,
    })
    server.on('secureConnection', (socket) => this.#onSecure(socket))
    // A handshake that fails is the client's affair.
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    return server
  }

  #onSecure(socket: TLSSocket): void {
    const link = new SocketLink(this.#deps.buffer)
    if (!useOnread(socket, link.onread)) socket.on('data', (bytes: Buffer) => link.onBytes(bytes))
    this.#deps.onArrival({ socket, link, isHttp2: socket.alpnProtocol === 'h2' })
  }
}
