import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface ConnectionEvents {
  onOpen(socket: Socket): void
  onData(buffer: Buffer, length: number): void
  /** Once, however it ends; `error` is empty where it ended in order. */
  onClose(error: string): void
}

export interface Place {
  readonly host: string
  readonly port: number
}

/** A socket whose reads land in one buffer of its own. */
export function openConnection(place: Place, events: ConnectionEvents, readBytes: number = 4096): Socket {
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const onread = {
    buffer,
    callback: (length: number) => {
      events.onData(buffer, length)
      return true
    },
  }
  let error = ''
  const socket = connect({ ...place, noDelay: true, onread })
  socket.on('connect', () => events.onOpen(socket))
  socket.on('error', (cause: NodeJS.ErrnoException) => (error = cause.code ?? cause.message))
  socket.on('close', () => events.onClose(error))
  return socket
}
