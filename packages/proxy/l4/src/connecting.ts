import type { Socket } from 'node:net'
import { errorCode } from '@tulle/core'
import type { Deadlines } from './deadlines.ts'

/** Calls back once: when the socket is connected, or with why it is not. A failed socket is destroyed. */
export function whenConnected(
  socket: Socket,
  deadlines: Deadlines,
  onSettled: (error: string | undefined) => void,
): void {
  const settle = (error: string | undefined): void => {
    deadlines.end(deadline)
    socket.off('connect', onConnect)
    socket.off('error', onError)
    socket.off('close', onClose)
    if (error !== undefined) {
      // A second error may follow the first one; nobody cares for it.
      socket.on('error', () => undefined)
      socket.destroy()
    }
    onSettled(error)
  }
  const onConnect = (): void => settle(undefined)
  const onError = (error: Error): void => settle(errorCode(error) || error.message)
  const onClose = (): void => settle('closed')
  const deadline = deadlines.begin(() => settle('ETIMEDOUT'))
  socket.on('connect', onConnect)
  socket.on('error', onError)
  socket.on('close', onClose)
}
