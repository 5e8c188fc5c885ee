import type { Socket } from 'node:net'
import { errorCode } from '@tulle/core'
import type { Clock } from '@tulle/core'

/** Calls back once: when the socket is connected, or with why it is not. A failed socket is destroyed. */
export function whenConnected(
  socket: Socket,
  timing: { readonly clock: Clock; readonly timeoutMs: number },
  onSettled: (error: string | undefined) => void,
): void {
  const settle = (error: string | undefined): void => {
    timer[Symbol.dispose]()
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
  const timer = timing.clock.after(timing.timeoutMs, () => settle('ETIMEDOUT'))
  socket.once('connect', onConnect)
  socket.once('error', onError)
  socket.once('close', onClose)
}
