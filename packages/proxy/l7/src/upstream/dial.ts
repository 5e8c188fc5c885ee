import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { L7Environment } from '../environment.ts'
import type { ReadBuffer } from '../net/read-buffer.ts'
import { SocketLink } from '../net/socket-link.ts'
import type { LinkUser } from '../net/socket-link.ts'
import type { UpstreamSpec } from './cluster.ts'

export interface DialDeps {
  readonly environment: Pick<L7Environment, 'timeouts' | 'limits'>
  readonly buffer: ReadBuffer
}

/** A connection that is made, or about to be. What is written meanwhile waits in the socket. */
export interface Dialled {
  readonly link: SocketLink
  /** Whom it serves, and who wants to know when it is up. */
  attach(user: LinkUser, onConnected: () => void): void
}

/** Plain TCP towards an endpoint; given up when it takes too long. */
export function dial({ ip, port }: UpstreamSpec, { environment, buffer }: DialDeps): Dialled {
  const link = new SocketLink(buffer)
  const socket: Socket = connect({ host: ip, port, noDelay: true, allowHalfOpen: true, onread: link.onread })
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
