import { isLegalTargetPort } from '@tulle/hbone'
import { localAddress, originalDestination } from '@tulle/kernel'
import type { PlainSocket } from '@tulle/kernel'
import { authorizeWith } from '@tulle/policy'
import { describeVerdict } from './connection-table.ts'
import { tooManyConnections } from './connection-subject.ts'
import type { ConnectionSubject, Refusal } from './connection-subject.ts'
import type { SocketAddress } from './data-plane.ts'
import type { Accepted } from './listener-set.ts'
import { callPlain } from './plain-connection.ts'
import { canonicalIp } from './workload-scope.ts'
import type { WorkloadScope } from './workload-scope.ts'

/**
 * Plaintext towards the workload. Whether it passes is for policies alone to say (a strict mode arrives as a rule
 * that wants an identity); there is none here. Refusal is a close.
 */
export function acceptPlaintext(
  scope: WorkloadScope,
  { socket: paused, peer }: Accepted,
  fixed: SocketAddress | undefined,
): void {
  const startedMs = scope.context.connections.now()
  const sourceIp = canonicalIp(peer.ip)
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
    source: { ip: sourceIp, port: peer.port },
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
  if (refusal === undefined) {
    const upstreamSource = scope.place.captured ? sourceIp : undefined
    callPlain({ scope, paused, subject }, { ...subject.destination, sourceIp: upstreamSource })
  } else {
    paused.destroy()
    scope.context.connections.refuse(subject, refusal)
  }
}

function reasonToRefuse(scope: WorkloadScope, subject: ConnectionSubject): Refusal | undefined {
  if (!isLegalTargetPort(subject.destination.port)) {
    return { flags: 'CONNECT', verdict: 'failed', error: "the port is the node proxy's own" }
  }
  if (scope.full) return tooManyConnections
  if (subject.verdict?.allowed === false) {
    return { flags: 'DENY', verdict: 'refused', error: describeVerdict(subject.verdict) }
  }
  return undefined
}

/** Where the kernel's redirection took it from. A connection to the listener itself has no other destination. */
export function capturedDestination({ fd }: PlainSocket): SocketAddress | undefined {
  const original = originalDestination(fd)
  if (original === undefined) return undefined
  const ip = canonicalIp(original.address)
  if (ip === undefined) return undefined
  const local = localAddress(fd)
  const isOwn = original.port === local?.port && ip === canonicalIp(local.address)
  return isOwn ? undefined : { ip, port: original.port }
}
