import { duplicateFd, PlainListener } from '@tulle/kernel'
import type { PlainListenerUser, PlainSocket } from '@tulle/kernel'
import { listenerProblems } from '@tulle/runtime'
import type { ListenerProblems } from '@tulle/runtime'
import type { ListenerRole, ListeningSocket, SocketAddress } from './data-plane.ts'
import { openListenerFd } from './sockets.ts'
import type { WorkloadScope } from './workload-scope.ts'

const everyAddress = '::'
const everyIpv4Address = '0.0.0.0'

/** A connection that has read nothing, and who made it. */
export interface Accepted {
  readonly socket: PlainSocket
  readonly peer: SocketAddress
}

/** A listener as a workload wants it; those without a role are never handed to another process. */
export interface WantedListener {
  readonly role: ListenerRole | undefined
  readonly address: SocketAddress
  onConnection(accepted: Accepted): void
}

interface Open {
  readonly role: ListenerRole | undefined
  readonly address: SocketAddress
  readonly fd: number
  readonly listener: PlainListener
}

/** The listening sockets of one workload on one worker: opened here, or taken from another process. */
export class ListenerSet {
  readonly #scope: WorkloadScope
  #open: Open[] = []
  readonly #problems: ListenerProblems

  constructor(scope: WorkloadScope) {
    const { log, clock } = scope.context
    this.#scope = scope
    this.#problems = listenerProblems(log.child({ workload: scope.uid }), clock)
  }

  /** Opens what is wanted and not there yet. Throws KernelError. */
  open(wanted: readonly WantedListener[]): void {
    for (const one of wanted) {
      if (one.role !== undefined && this.#open.some(({ role }) => role === one.role)) continue
      this.#accept(one, this.#openFd(one.address))
    }
  }

  /** Accepts from sockets that another process listened on; owns their descriptors from here on. */
  adopt(wanted: readonly WantedListener[], sockets: readonly ListeningSocket[]): void {
    for (const { role, fd } of sockets) {
      const one = wanted.find((candidate) => candidate.role === role)
      // Every one of them is accepted from: a listener that nobody accepts from swallows its connections.
      if (one === undefined) throw new Error(`the workload has no listener for ${role}`)
      this.#accept(one, fd)
    }
  }

  /** Duplicates of what is open, for another process; whoever asked owns them. */
  export(worker: number): readonly ListeningSocket[] {
    return this.#open.flatMap(({ role, address, fd }) =>
      role === undefined ? [] : [{ role, address, worker, fd: duplicateFd(fd) }],
    )
  }

  /** Where another process has the same sockets open, connections that wait in them wait on. */
  close(): void {
    for (const { listener } of this.#open.splice(0)) listener.close()
  }

  #accept({ role, address, onConnection }: WantedListener, fd: number): void {
    const user: PlainListenerUser = {
      onConnection: (socket, peer) => onConnection({ socket, peer: { ip: peer.address, port: peer.port } }),
      ...this.#problems,
    }
    const listener = new PlainListener(fd, user, this.#scope.place.group)
    this.#open.push({ role, address, fd, listener })
  }

  #openFd(address: SocketAddress): number {
    const { place } = this.#scope
    if (address.ip !== everyAddress) return openListenerFd(place, address)
    try {
      return openListenerFd(place, address)
    } catch {
      // IPv6 is switched off in many namespaces; without it there is nothing to listen for.
      return openListenerFd(place, { ...address, ip: everyIpv4Address })
    }
  }
}
