import type { Socket } from 'node:net'
import type { Transport } from '@tulle/http2'

const nothing = Buffer.alloc(0)

/** What carries an HTTP/2 session of load and backend: a plain socket. */
export function socketTransport(socket: Socket): Transport {
  return {
    write: (bytes, done) => {
      const hasRoom = socket.write(bytes)
      // A callback for each write costs a tick, and most have left by now.
      if (socket.writableLength === 0) done?.()
      else if (done !== undefined) socket.write(nothing, done)
      return hasRoom
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}
