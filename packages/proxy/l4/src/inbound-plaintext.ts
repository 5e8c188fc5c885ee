import type { Socket } from 'node:net'
import { isLegalTargetPort } from '@tulle/hbone'
import { originalDestination, resumeWithOnread, socketFd } from '@tulle/kernel'
import { authorizeWith } from '@tulle/policy'
import { whenConnected } from './connecting.ts'
import { describeVerdict } from './connection-table.ts'
import type { ConnectionSubject, Refusal } from './connection-table.ts'
import type { SocketAddress } from './data-plane.ts'
import { SocketPipe } from './socket-pipe.ts'
import { openConnection, socketHighWaterBytes } from './sockets.ts'
import { canonicalIp } from './workload-scope.ts'
import type { WorkloadScope } from './workload-scope.ts'

/**
 * Plaintext towards the workload. Whether it passes is for policies alone to say (a strict mode arrives as a rule
 * that wants an identity); there is none here. Refusal is a close.
 */
export function acceptPlaintext(
  scope: WorkloadScope,
  paused: Socket,
  fixed: SocketAddress | undefined,
): void {
  paused.on('error', () => undefined)
  const startedMs = scope.context.connections.now()
  const sourceIp = canonicalIp(paused.remoteAddress ?? '')
  const destination = fixed ?? capturedDestination(paused)
  const destinationIp = destination === undefined ? undefined : canonicalIp(destination.ip)
  if (sourceIp === undefined || destination === undefined || destinationIp === undefined) {
    paused.destroy()
    return
  }
  const facts = { identity: undefined, sourceIp, destinationIp, destinationPort: destination.port }
  const verdict = authorizeWith(scope.policies, facts)
  const subject: ConnectionSubject = {
    uid: scope.uid,
    direction: 'inbound',
    protocol: 'tcp',
    source: { ip: sourceIp, port: paused.remotePort ?? 0 },
    destination: { ip: destinationIp, port: destination.port },
    hbone: undefined,
    sourceParty: scope.partyAt(sourceIp, undefined),
    destinationParty: scope.party,
    service: undefined,
    tlsGroup: undefined,
    traceId: undefined,
    verdict,
    facts,
    startedMs,
  }
  const refusal = reasonToRefuse(scope, subject)
  if (refusal === undefined) connect(scope, subject, paused)
  else {
    paused.destroy()
    scope.context.connections.refuse(subject, refusal)
  }
}

function reasonToRefuse(scope: WorkloadScope, subject: ConnectionSubject): Refusal | undefined {
  if (!isLegalTargetPort(subject.destination.port)) {
    return { flags: 'CONNECT', verdict: 'failed', error: "the port is the node proxy's own" }
  }
  if (scope.full) return { flags: 'CONNECT', verdict: 'failed', error: 'too many connections' }
  if (subject.verdict?.allowed === false) {
    return { flags: 'DENY', verdict: 'refused', error: describeVerdict(subject.verdict) }
  }
  return undefined
}

function connect(scope: WorkloadScope, subject: ConnectionSubject, paused: Socket): void {
  const { clock, connections, buffers, limits } = scope.context
  let onDone: ((error: string | undefined) => void) | undefined
  const pipe = new SocketPipe(buffers, (error) => onDone?.(error))
  const fail = (error: string): void => {
    paused.destroy()
    connections.refuse(subject, { flags: 'CONNECT', verdict: 'failed', error })
  }
  const socket = openConnection({
    place: scope.place,
    destination: subject.destination,
    sourceIp: scope.place.captured ? subject.source.ip : undefined,
    onread: pipe.destination.onread,
  })
  if (!socket.ok) {
    fail(socket.error)
    return
  }
  const upstream = socket.value
  whenConnected(upstream, { clock, timeoutMs: limits.connectTimeoutMs }, (error) => {
    if (error === undefined && !paused.destroyed) {
      onDone = connections.open(subject, pipe)
      pipe.destination.attach(upstream)
      pipe.caller.attach(resumeWithOnread(paused, pipe.caller.onread, socketHighWaterBytes))
      return
    }
    upstream.destroy()
    fail(error ?? 'the caller left')
  })
}

/** Where the kernel's redirection took it from. A connection to the listener itself has no other destination. */
export function capturedDestination(paused: Socket): SocketAddress | undefined {
  const fd = socketFd(paused)
  if (fd < 0) return undefined
  const original = originalDestination(fd)
  if (original === undefined) return undefined
  const ip = canonicalIp(original.address)
  if (ip === undefined) return undefined
  const own = ip === canonicalIp(paused.localAddress ?? '') && original.port === paused.localPort
  return own ? undefined : { ip, port: original.port }
}
