import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { L7Environment } from '../environment.ts'
import type { ReadBuffer } from '../net/read-buffer.ts'
import type { Http1Transport } from '@tulle/http1'
import { SocketLink } from '../net/socket-link.ts'
import type { LinkUser } from '../net/socket-link.ts'
import type { UpstreamSpec } from './cluster.ts'

export interface SocketDialDeps {
  readonly environment: Pick<L7Environment, 'timeouts' | 'limits'>
  readonly buffer: ReadBuffer
}

/** What connections to an endpoint are made with. */
export interface ConnectDeps {
  readonly environment: Pick<L7Environment, 'limits'>
  readonly dial: Dial
}

/** A connection that is made, or about to be. What is written meanwhile waits in the socket. */
export interface Dialled {
  readonly link: Http1Transport
  /** Whom it serves, and who wants to know when it is up. */
  attach(user: LinkUser, onConnected: () => void): void
}

/** What a connection is for: requests in the endpoint's protocol, or bytes that nobody reads. */
export type Carried = 'requests' | 'bytes'

/** A way to endpoints. */
export type Dial = (spec: UpstreamSpec, carried?: Carried) => Dialled

/** Plain TCP towards an endpoint; given up when it takes too long. */
export function dialSocket({ ip, port }: UpstreamSpec, { environment, buffer }: SocketDialDeps): Dialled {
  const link = new SocketLink(buffer)
  const socket: Socket = connect({ host: ip, port, noDelay: true, allowHalfOpen: true })
  socket.pause()
  const { timeouts, limits } = environment
  const late = timeouts.begin(limits.connectTimeoutMs, () => socket.destroy())
  socket.once('close', () => timeouts.end(late))
  return {
    link,
    attach: (user, onConnected) => {
      link.attach(socket, user)
      socket.once('connect', () => {
        timeouts.end(late)
        onConnected()
      })
    },
  }
}
