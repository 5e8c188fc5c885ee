import type { PlainSocket } from '@tulle/kernel'
import type { ConnectionSubject, Refusal } from './connection-subject.ts'
import type { SocketAddress } from './data-plane.ts'
import type { PipeError } from './pipe.ts'
import { SocketPipe } from './socket-pipe.ts'
import { openConnection } from './sockets.ts'
import type { WorkloadScope } from './workload-scope.ts'

export interface PlainCall {
  readonly scope: WorkloadScope
  /** The caller's socket, which has read nothing. */
  readonly paused: PlainSocket
  readonly subject: ConnectionSubject
}

export interface PlainDestination extends SocketAddress {
  /** The address that the destination is to see; undefined: the namespace's own. */
  readonly sourceIp: string | undefined
}

/** Copies what goes as it came: without a tunnel, in either direction. */
export function callPlain(call: PlainCall, destination: PlainDestination): void {
  const { scope, paused, subject } = call
  const { buffers, connecting, connections } = scope.context
  let onDone: ((error: PipeError) => void) | undefined
  const pipe = new SocketPipe(buffers, scope.served, (error) => onDone?.(error))
  const attempt = connections.begin(subject, (refusal) => end(refusal))
  const end = (refusal: Refusal): void => {
    paused.destroy()
    connections.giveUp(attempt, refusal)
    if (socket.ok) socket.value.destroy()
  }
  const fail = (error: string): void => end({ flags: 'CONNECT', verdict: 'failed', error })
  const socket = openConnection({
    place: scope.place,
    destination,
    sourceIp: destination.sourceIp,
    deadlines: connecting,
    onSettled: (error) => {
      if (error !== undefined || paused.isClosed || !socket.ok) {
        fail(error ?? 'the caller left')
        return
      }
      onDone = connections.open(attempt, pipe)
      pipe.destination.attach(socket.value)
      pipe.caller.attach(paused)
    },
  })
  if (!socket.ok) fail(socket.error)
}
