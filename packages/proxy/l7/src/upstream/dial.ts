import type { Http1Transport } from '@tulle/http1'
import { openTcpSocket, PlainSocket } from '@tulle/kernel'
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
  const socket = openSocket(ip)
  const link = new PlainLink(socket, buffer)
  let onUp: (() => void) | undefined
  if (!socket.isClosed) {
    const late = timeouts.begin(limits.connectTimeoutMs, () => socket.destroy())
    socket.connect({ address: ip, port }, (error) => {
      timeouts.end(late)
      if (error === undefined) onUp?.()
    })
  }
  return {
    link,
    attach: (user, onConnected) => {
      onUp = onConnected
      link.attach(user)
    },
  }
}

/** A closed one where the process has no descriptor left. */
function openSocket(ip: string): PlainSocket {
  try {
    return new PlainSocket(openTcpSocket({ family: ip.includes(':') ? 6 : 4 }))
  } catch {
    return new PlainSocket(-1)
  }
}
