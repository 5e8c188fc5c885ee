import type { Socket } from 'node:net'
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { proxySocketMark } from '@tulle/hbone'
import { connectTcpFd, listenTcp, openTcpSocket } from '@tulle/kernel'
import type { SocketAddress } from './data-plane.ts'

/** Bytes that may be queued in a socket before Node asks for a pause; our own accounting acts long before. */
const socketHighWaterBytes = 1024 * 1024

/** Where a workload's sockets are made, and how. */
export interface SocketPlace {
  readonly netns: number | undefined
  /** Redirection rules are in force there. */
  readonly captured: boolean
}

/** A listening descriptor of this worker; the kernel spreads connections over those of all. Throws KernelError. */
export function openListenerFd(place: SocketPlace, address: SocketAddress): number {
  return listenTcp({
    address: address.ip,
    port: address.port,
    reusePort: true,
    ...namespaceOf(place),
    ...(place.captured && { transparent: true, mark: proxySocketMark.mark }),
  })
}

/** An unconnected descriptor. With `source`, the connection will come from that address. */
export function openClientSocket(
  place: SocketPlace,
  destinationIp: string,
  source: SocketAddress | undefined,
): number {
  return openTcpSocket({
    family: destinationIp.includes(':') ? 6 : 4,
    ...namespaceOf(place),
    ...(place.captured && { mark: proxySocketMark.mark }),
    ...(source !== undefined && { bindTo: { address: source.ip, port: source.port } }),
    ...(source !== undefined && place.captured && { transparent: true }),
  })
}

export interface ConnectPlan {
  readonly place: SocketPlace
  readonly destination: SocketAddress
  /** The address that the destination is to see; undefined: the namespace's own. */
  readonly sourceIp: string | undefined
}

/** Starts to connect, paused; failures to even begin are values, later ones the socket's 'error'. */
export function openConnection(plan: ConnectPlan): Result<Socket, string> {
  const source = plan.sourceIp === undefined ? undefined : { ip: plan.sourceIp, port: 0 }
  try {
    const fd = openClientSocket(plan.place, plan.destination.ip, source)
    const { ip: host, port } = plan.destination
    return ok(connectTcpFd({ fd, host, port, highWaterMark: socketHighWaterBytes }).pause())
  } catch (error) {
    return err(errorText(error))
  }
}

function namespaceOf(place: SocketPlace): { readonly netns?: number } {
  return place.netns === undefined ? {} : { netns: place.netns }
}
