import type { Socket } from 'node:net'
import { whenConnected } from './connecting.ts'
import type { ConnectionSubject, Refusal } from './connection-subject.ts'
import type { SocketAddress } from './data-plane.ts'
import type { PipeError } from './pipe.ts'
import { SocketPipe } from './socket-pipe.ts'
import { openConnection } from './sockets.ts'
import type { WorkloadScope } from './workload-scope.ts'

export interface PlainCall {
  readonly scope: WorkloadScope
  /** The caller's socket, which has read nothing. */
  readonly paused: Socket
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
  const { sourceIp } = destination
  const socket = openConnection({
    place: scope.place,
    destination,
    sourceIp,
  })
  if (!socket.ok) {
    fail(socket.error)
    return
  }
  const upstream = socket.value
  whenConnected(upstream, connecting, (error) => {
    if (error === undefined && !paused.destroyed) {
      onDone = connections.open(attempt, pipe)
      pipe.destination.attach(upstream)
      pipe.caller.attach(paused)
      return
    }
    fail(error ?? 'the caller left')
  })
}
