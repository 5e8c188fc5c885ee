import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { proxySocketMark } from '@tulle/hbone'
import { listenTcp, openTcpSocket, PlainSocket } from '@tulle/kernel'
import type { ReadyGroup } from '@tulle/kernel'
import type { SocketAddress } from './data-plane.ts'
import type { Deadlines } from './deadlines.ts'

/** Where a workload's sockets are made, and how. */
export interface SocketPlace {
  readonly netns: number | undefined
  /** Redirection rules are in force there. */
  readonly captured: boolean
  /** They have their turns together, whatever others' do. */
  readonly group: ReadyGroup
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
  readonly deadlines: Deadlines
  /** Once, later: connected, or the name of the errno, `closed` where the socket was closed meanwhile. */
  onSettled(error: string | undefined): void
}

/** Begins to connect. Failures to even begin are values. */
export function openConnection({
  place,
  destination,
  sourceIp,
  deadlines,
  onSettled,
}: ConnectPlan): Result<PlainSocket, string> {
  const source = sourceIp === undefined ? undefined : { ip: sourceIp, port: 0 }
  let socket: PlainSocket | undefined
  try {
    const connecting = new PlainSocket(openClientSocket(place, destination.ip, source), place.group)
    socket = connecting
    const deadline = deadlines.begin(() => connecting.destroy('ETIMEDOUT'))
    connecting.connect({ address: destination.ip, port: destination.port }, (error) => {
      deadlines.end(deadline)
      onSettled(error)
    })
    return ok(connecting)
  } catch (error) {
    socket?.destroy()
    return err(errorText(error))
  }
}

function namespaceOf(place: SocketPlace): { readonly netns?: number } {
  return place.netns === undefined ? {} : { netns: place.netns }
}
