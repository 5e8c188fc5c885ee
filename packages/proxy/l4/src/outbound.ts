import { hbonePort, inboundPlaintextPort, outboundPort } from '@tulle/hbone'
import type { PlainSocket } from '@tulle/kernel'
import type { IpAddress } from '@tulle/mesh'
import type { ClientPool } from '@tulle/tunnel'
import { unreachable } from '@tulle/core'
import { tooManyConnections } from './connection-subject.ts'
import type { ConnectionSubject } from './connection-subject.ts'
import type { SocketAddress } from './data-plane.ts'
import { capturedDestination } from './inbound-plaintext.ts'
import type { Accepted } from './listener-set.ts'
import { TunnelledCall } from './outbound-connection.ts'
import type { OutboundCall } from './outbound-connection.ts'
import { decideOutbound } from './outbound-decision.ts'
import type { OutboundDecision, OutboundFacts } from './outbound-decision.ts'
import { missingName } from './outbound-demand.ts'
import { destinationOf } from './outbound-party.ts'
import { callPlain } from './plain-connection.ts'
import { canonicalIp } from './workload-scope.ts'
import type { WorkloadScope } from './workload-scope.ts'

const ownPorts: readonly number[] = [outboundPort, inboundPlaintextPort, hbonePort]

/** A connection that the workload makes: decided once, then tunnelled, passed on as it is, or closed. */
export function acceptOutbound(
  scope: WorkloadScope,
  pool: ClientPool,
  { socket: paused, peer }: Accepted,
  fixed: SocketAddress | undefined,
): void {
  const { connections, state, rng, network } = scope.context
  const startedMs = connections.now()
  const sourceIp = canonicalIp(scope.enrolled.listeners?.sourceIp ?? peer.ip)
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
    caller: scope.workload,
  }
  const decide = (decision: OutboundDecision): void => {
    const subject = subjectOf(scope, peer, { facts, sourceIp, startedMs, decision })
    proceed({ scope, pool, paused, subject, sourceIp, facts }, decision)
  }
  whenKnown(scope, paused, facts, (refusal) => decide(refusal ?? decideOutbound(state, facts, rng)))
}

/**
 * Goes on when all that the decision needs has been asked for, at once where nothing is missing. Without an answer the
 * connection is refused: what nobody knows may be a workload that takes no plaintext.
 */
function whenKnown(
  scope: WorkloadScope,
  paused: PlainSocket,
  facts: OutboundFacts,
  onKnown: (refusal: OutboundDecision | undefined) => void,
): void {
  const { demand, state } = scope.context
  const name = demand === undefined ? undefined : missingName(state, demand, facts)
  if (demand === undefined || name === undefined) return onKnown(undefined)
  const asked = demand.ask(scope.uid, name, (outcome) => {
    if (paused.isClosed || scope.ended) return paused.destroy()
    if (outcome === 'answered') return whenKnown(scope, paused, facts, onKnown)
    onKnown(notAnswered(`the control plane has not said what ${name} is`))
  })
  if (!asked) onKnown(notAnswered(`too many connections wait to hear what ${name} is`))
}

function notAnswered(message: string): OutboundDecision {
  return { kind: 'refused', reason: 'not-answered', message, service: undefined }
}

interface Decided {
  readonly facts: OutboundFacts
  readonly sourceIp: IpAddress
  readonly startedMs: number
  readonly decision: OutboundDecision
}

function subjectOf(
  scope: WorkloadScope,
  peer: SocketAddress,
  { facts, sourceIp, startedMs, decision }: Decided,
): ConnectionSubject {
  return {
    uid: scope.uid,
    direction: 'outbound',
    protocol: decision.kind === 'hbone' ? 'hbone' : 'tcp',
    source: { ip: sourceIp, port: peer.port },
    destination: { ip: facts.destinationIp, port: facts.destinationPort },
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
