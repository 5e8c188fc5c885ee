import type { Socket } from 'node:net'
import { hbonePort, inboundPlaintextPort, outboundPort } from '@tulle/hbone'
import type { ClientPool } from '@tulle/tunnel'
import { unreachable } from '@tulle/core'
import { tooManyConnections } from './connection-subject.ts'
import type { ConnectionSubject } from './connection-subject.ts'
import type { SocketAddress } from './data-plane.ts'
import { capturedDestination } from './inbound-plaintext.ts'
import { TunnelledCall } from './outbound-connection.ts'
import type { OutboundCall } from './outbound-connection.ts'
import { decideOutbound } from './outbound-decision.ts'
import type { OutboundDecision, OutboundFacts } from './outbound-decision.ts'
import { destinationOf } from './outbound-party.ts'
import { callPlain } from './plain-connection.ts'
import { canonicalIp } from './workload-scope.ts'
import type { WorkloadScope } from './workload-scope.ts'

const ownPorts: readonly number[] = [outboundPort, inboundPlaintextPort, hbonePort]

/** A connection that the workload makes: decided once, then tunnelled, passed on as it is, or closed. */
export function acceptOutbound(
  scope: WorkloadScope,
  pool: ClientPool,
  paused: Socket,
  fixed: SocketAddress | undefined,
): void {
  paused.on('error', () => undefined)
  const { connections, state, rng, network } = scope.context
  const startedMs = connections.now()
  const sourceIp = canonicalIp(scope.enrolled.listeners?.sourceIp ?? paused.remoteAddress ?? '')
  const captured = fixed ?? capturedDestination(paused)
  const destinationIp = captured === undefined ? undefined : canonicalIp(captured.ip)
  if (sourceIp === undefined || captured === undefined || destinationIp === undefined) {
    paused.destroy()
    return
  }
  const facts: OutboundFacts = {
    namespace: scope.enrolled.namespace,
    network,
    destinationIp,
    destinationPort: captured.port,
    ownPorts,
    loopbackAllowed: !scope.place.captured,
    hbonePort,
  }
  const decision = decideOutbound(state, facts, rng)
  const subject: ConnectionSubject = {
    uid: scope.uid,
    direction: 'outbound',
    protocol: decision.kind === 'hbone' ? 'hbone' : 'tcp',
    source: { ip: sourceIp, port: paused.remotePort ?? 0 },
    destination: { ip: destinationIp, port: captured.port },
    hbone: decision.kind === 'hbone' ? { ip: decision.ip, port: decision.port } : undefined,
    sourceParty: scope.party,
    destinationParty: destinationOf(decision),
    service: decision.service,
    tlsGroup: undefined,
    traceId: undefined,
    verdict: undefined,
    facts: undefined,
    startedMs,
  }
  proceed({ scope, pool, paused, subject, sourceIp, facts }, decision)
}

function proceed(call: OutboundCall, decision: OutboundDecision): void {
  const { connections } = call.scope.context
  if (call.scope.workload === undefined) {
    call.paused.destroy()
    const error = `unknown-workload: the control plane has not described ${call.scope.uid}`
    connections.refuse(call.subject, { flags: 'CONNECT', verdict: 'failed', error })
    return
  }
  if (call.scope.full) {
    call.paused.destroy()
    connections.refuse(call.subject, tooManyConnections)
    return
  }
  switch (decision.kind) {
    case 'hbone':
      new TunnelledCall(call, decision).start()
      return
    case 'tcp':
      callPlain(call, { ...decision, sourceIp: undefined })
      return
    case 'refused': {
      call.paused.destroy()
      const error = `${decision.reason}: ${decision.message}`
      connections.refuse(call.subject, { flags: 'CONNECT', verdict: 'failed', error })
      return
    }
    default:
      unreachable(decision)
  }
}
