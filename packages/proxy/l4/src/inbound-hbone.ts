import { isLegalTargetPort } from '@tulle/hbone'
import type { ConnectRequest } from '@tulle/hbone'
import type { IpAddress, Service } from '@tulle/mesh'
import { authorizeWith } from '@tulle/policy'
import { tlsGroupFloor } from '@tulle/tunnel'
import type { InboundTunnel, PeerAddress, RefusalStatus } from '@tulle/tunnel'
import { describeVerdict } from './connection-table.ts'
import { tooManyConnections } from './connection-subject.ts'
import type { ConnectionSubject, Refusal } from './connection-subject.ts'
import type { SocketAddress } from './data-plane.ts'
import { targetPort } from './endpoint-choice.ts'
import { partyFromBaggage, unknown } from './party.ts'
import type { Party } from './party.ts'
import { openConnection } from './sockets.ts'
import { TunnelPipe } from './tunnel-pipe.ts'
import { canonicalIp } from './workload-scope.ts'
import type { WorkloadScope } from './workload-scope.ts'

/** Node tells only clients which group was agreed on; a server knows the least that it takes. */
const floor = `>=${tlsGroupFloor}`

interface Target {
  readonly destination: SocketAddress & { readonly ip: IpAddress }
  readonly service: Service | undefined
}

type Answer =
  | { readonly kind: 'connect'; readonly subject: ConnectionSubject }
  | {
      readonly kind: 'refuse'
      readonly status: RefusalStatus
      readonly subject: ConnectionSubject
      readonly refusal: Refusal
    }

/** A CONNECT from a verified peer, in the order in which ztunnel decides: address, port, policy, connection. */
export function acceptTunnel(scope: WorkloadScope, tunnel: InboundTunnel, address: PeerAddress): void {
  const answer = decide(scope, tunnel, address)
  if (answer.kind === 'refuse') {
    tunnel.refuse(answer.status)
    scope.context.connections.refuse(answer.subject, answer.refusal)
    return
  }
  connect(scope, answer.subject, tunnel)
}

function decide(scope: WorkloadScope, tunnel: InboundTunnel, address: PeerAddress): Answer {
  const startedMs = scope.context.connections.now()
  const localIp = canonicalIp(address.localIp)
  const sourceIp = canonicalIp(address.sourceIp)
  const { peer, request } = tunnel
  const target = targetOf(scope, request, localIp)
  const subject: ConnectionSubject = {
    uid: scope.uid,
    direction: 'inbound',
    protocol: 'hbone',
    source: { ip: sourceIp ?? address.sourceIp, port: address.sourcePort },
    destination: target.ok ? target.value.destination : { ip: address.localIp, port: 0 },
    hbone: { ip: localIp ?? address.localIp, port: address.localPort },
    sourceParty: sourceOf(scope, tunnel, sourceIp),
    destinationParty: scope.party,
    service: target.ok ? target.value.service : undefined,
    tlsGroup: floor,
    traceId: request.traceparent?.traceId,
    verdict: undefined,
    facts: undefined,
    startedMs,
  }
  const fail = (status: RefusalStatus, error: string): Answer => {
    return { kind: 'refuse', status, subject, refusal: { flags: 'CONNECT', verdict: 'failed', error } }
  }
  if (sourceIp === undefined) return fail('400', 'the peer has no address')
  if (!target.ok) return fail(target.error.status, target.error.message)
  const { destination } = target.value
  if (!isLegalTargetPort(destination.port)) return fail('503', "the port is the node proxy's own")
  if (scope.full) return { kind: 'refuse', status: '503', subject, refusal: tooManyConnections }
  const facts = {
    identity: peer.identity,
    sourceIp,
    destinationIp: destination.ip,
    destinationPort: destination.port,
  }
  const verdict = authorizeWith(scope.policies, facts)
  subject.verdict = verdict
  subject.facts = facts
  if (verdict.allowed) return { kind: 'connect', subject }
  const refusal: Refusal = { flags: 'DENY', verdict: 'refused', error: describeVerdict(verdict) }
  return { kind: 'refuse', status: '401', subject, refusal }
}

type TargetResult =
  | { readonly ok: true; readonly value: Target }
  | { readonly ok: false; readonly error: { readonly status: RefusalStatus; readonly message: string } }

/** An address must be the one that the session came to; a host name must be of a service that the workload serves. */
function targetOf(
  scope: WorkloadScope,
  request: ConnectRequest,
  localIp: IpAddress | undefined,
): TargetResult {
  const { authority } = request
  const { port } = authority
  if (localIp === undefined) return refuseTarget('400', 'the connection has no local address')
  if (authority.kind === 'address') {
    if (authority.address !== localIp) {
      return refuseTarget('400', `${authority.address} is not the address of this workload`)
    }
    const service = request.forwarded?.host
    return found({ ip: localIp, port }, service === undefined ? undefined : serviceOf(scope, service))
  }
  const host = authority.hostname
  const service = serviceOf(scope, host)
  const { workload } = scope
  if (service === undefined || workload === undefined) {
    return refuseTarget('503', `the workload serves no service with the host name ${host}`)
  }
  const mapped = targetPort(service, workload, port)
  if (mapped === undefined) return refuseTarget('503', `service ${host} has no port ${port}`)
  return found({ ip: localIp, port: mapped }, service)
}

/** Only services that the workload serves: the peer's word is a hint for metrics. */
function serviceOf(scope: WorkloadScope, hostname: string): Service | undefined {
  const service = scope.context.state.byHostname(hostname, scope.enrolled.namespace)
  if (service === undefined) return undefined
  return scope.workload?.services.has(`${service.namespace}/${service.hostname}`) === true
    ? service
    : undefined
}

function found(destination: Target['destination'], service: Service | undefined): TargetResult {
  return { ok: true, value: { destination, service } }
}

function refuseTarget(status: RefusalStatus, message: string): TargetResult {
  return { ok: false, error: { status, message } }
}

function sourceOf(scope: WorkloadScope, tunnel: InboundTunnel, sourceIp: IpAddress | undefined): Party {
  const { identity } = tunnel.peer
  const byAddress = sourceIp === undefined ? undefined : scope.partyAt(sourceIp, identity)
  if (byAddress !== undefined && byAddress.workload !== unknown) return byAddress
  return partyFromBaggage(tunnel.request.baggage, identity)
}

function connect(scope: WorkloadScope, subject: ConnectionSubject, tunnel: InboundTunnel): void {
  const { buffers, connecting, connections } = scope.context
  let onDone: ((error: string | undefined) => void) | undefined
  const owner = { onDone: (error: string | undefined) => onDone?.(error) }
  const pipe = new TunnelPipe({ buffers, owner, socketCalls: false })
  const attempt = connections.begin(subject, (refusal) => end(refusal))
  const end = (refusal: Refusal): void => {
    tunnel.refuse(refusal.verdict === 'refused' ? '401' : '503')
    connections.giveUp(attempt, refusal)
    if (socket.ok) socket.value.destroy()
  }
  const fail = (error: string): void => end({ flags: 'CONNECT', verdict: 'failed', error })
  const socket = openConnection({
    place: scope.place,
    destination: scope.applicationOf(subject.destination),
    sourceIp: upstreamSource(scope, subject),
    deadlines: connecting,
    onSettled: (error) => {
      if (error !== undefined || !tunnel.open || !socket.ok) {
        fail(error ?? 'the caller left')
        return
      }
      onDone = connections.open(attempt, pipe)
      pipe.attachSocket(socket.value)
      tunnel.accept(pipe, () => pipe.attachStream(tunnel.stream))
    },
  })
  if (!socket.ok) {
    fail(socket.error)
    return
  }
  const upstream = socket.value
  tunnel.onAbandoned = () => upstream.destroy()
}

/** The application sees the caller's address. Outside of captured namespaces replies would not come back to us. */
function upstreamSource(scope: WorkloadScope, subject: ConnectionSubject): string | undefined {
  return scope.place.captured ? subject.source.ip : undefined
}
