import type { Http1Transport } from '@tulle/http1'
import { openTcpSocket, PlainSocket } from '@tulle/kernel'
import type { SocketAddress } from '@tulle/kernel'
import type { L7Environment } from '../environment.ts'
import type { LinkUser } from '../net/link-user.ts'
import { PlainLink } from '../net/plain-link.ts'
import type { ReadBuffer } from '../net/read-buffer.ts'
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
  const { timeouts, limits } = environment
  let onUp: (() => void) | undefined
  const socket = openSocket({ address: ip, port }, (error) => {
    timeouts.end(late)
    if (error === undefined) onUp?.()
  })
  const late = timeouts.begin(limits.connectTimeoutMs, () => socket.destroy())
  if (socket.isClosed) timeouts.end(late)
  const link = new PlainLink(socket, buffer)
  return {
    link,
    attach: (user, onConnected) => {
      onUp = onConnected
      link.attach(user)
    },
  }
}

/** Connects; a closed one where that can't even begin, such as for want of a descriptor. */
function openSocket(to: SocketAddress, onConnected: (error: string | undefined) => void): PlainSocket {
  let socket: PlainSocket | undefined
  try {
    socket = new PlainSocket(openTcpSocket({ family: to.address.includes(':') ? 6 : 4 }))
    socket.connect(to, onConnected)
    return socket
  } catch {
    socket?.destroy()
    return new PlainSocket(-1)
  }
}
