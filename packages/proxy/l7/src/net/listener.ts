import { createServer } from 'node:tls'
import type { Server as TlsServer, TLSSocket } from 'node:tls'
import type { Http1Transport } from '@tulle/http1'
import { adoptFd, listenTcp, localAddress, PlainListener, useOnread } from '@tulle/kernel'
import type { PlainSocket, SocketAddress } from '@tulle/kernel'
import { MeshError } from '@tulle/core'
import type { ListenerProblems } from '@tulle/runtime'
import type { CertificatePem, ListenerPlan } from '../plane/http-plan.ts'
import type { ReadBuffer } from './read-buffer.ts'
import type { LinkUser } from './link-user.ts'
import { PlainLink } from './plain-link.ts'
import { TlsLink } from './tls-link.ts'

/** The addresses of a connection, as texts; undefined where it is gone. */
export interface Ends {
  readonly peerIp: string | undefined
  readonly peerPort: number
  readonly localIp: string | undefined
}

export interface Arrival {
  readonly ends: Ends
  readonly transport: Http1Transport
  readonly isHttp2: boolean
  /** Whom it serves; nothing is read before. */
  attach(user: LinkUser): void
}

export interface ListenerDeps {
  readonly buffer: ReadBuffer
  readonly handshakeTimeoutMs: number
  /** Whether another connection may come in. */
  mayArrive(): boolean
  onArrival(arrival: Arrival): void
  readonly problems: ListenerProblems
}

/** A listening port of one thread; the kernel spreads connections over those of all threads. */
export class Listener {
  readonly #plan: ListenerPlan
  readonly #deps: ListenerDeps
  readonly #listening: PlainListener

  /** Throws KernelError where the port cannot be had, MeshError where the certificate is none. */
  constructor(plan: ListenerPlan, deps: ListenerDeps) {
    this.#plan = plan
    this.#deps = deps
    const tls = plan.protocol === 'https' ? this.#makeTls(plan.certificate) : undefined
    const fd = listenTcp({ address: plan.ip, port: plan.port, reusePort: true })
    this.#listening = new PlainListener(fd, {
      onConnection: (socket, peer) => {
        if (!deps.mayArrive()) socket.destroy()
        else if (tls === undefined) this.#onPlain(socket, peer)
        else beginTls(tls, socket)
      },
      ...deps.problems,
    })
  }

  /** Takes no further connections. */
  close(): void {
    this.#listening.close()
  }

  #onPlain(socket: PlainSocket, peer: SocketAddress): void {
    const link = new PlainLink(socket, this.#deps.buffer)
    this.#deps.onArrival({
      ends: { peerIp: peer.address, peerPort: peer.port, localIp: localAddress(socket.fd)?.address },
      transport: link,
      isHttp2: this.#plan.protocol === 'http2',
      attach: (user) => link.attach(user),
    })
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
    const link = new TlsLink(this.#deps.buffer)
    if (!useOnread(socket, link.onread)) socket.on('data', (bytes: Buffer) => link.onBytes(bytes))
    const { remoteAddress: peerIp, remotePort: peerPort = 0, localAddress: localIp } = socket
    // Gone before it was looked at.
    if (peerIp === undefined) socket.on('error', () => undefined)
    this.#deps.onArrival({
      ends: { peerIp, peerPort, localIp },
      transport: link,
      isHttp2: socket.alpnProtocol === 'h2',
      attach: (user) => link.attach(socket, user),
    })
  }
}

function beginTls(tls: TlsServer, socket: PlainSocket): void {
  const adopted = adoptFd(socket.release())
  adopted.on('error', () => undefined)
  tls.emit('connection', adopted)
}
