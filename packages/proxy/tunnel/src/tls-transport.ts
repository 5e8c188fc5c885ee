import type { Socket } from 'node:net'
import type { Http2Session, Transport } from '@tulle/http2'

/** What a session writes to. A write beyond the socket's high-water mark holds the session back until 'drain'. */
export function tlsTransport(socket: Socket): Transport {
  return {
    write: (bytes, done) => socket.write(bytes, done),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}

/** Tells the session of the socket's room and end. */
export function followSocket(socket: Socket, session: Http2Session): void {
  socket.on('drain', () => session.onTransportDrain())
  socket.on('end', () => session.onTransportClose())
  socket.on('close', () => session.onTransportClose())
}
