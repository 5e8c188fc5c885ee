import type { Rng } from '@tulle/core'
import { WeightedChoice } from '@tulle/l7'
import type { Dial, Downstream, UpstreamSpec } from '@tulle/l7'
import type { Verdict } from '@tulle/policy'
import type { Backend, Routes, TlsTerms } from '@tulle/traffic'
import type { MeshAuthorizer } from './mesh-authorizer.ts'
import type { MeshClusters } from './mesh-clusters.ts'
import { readHello } from './server-name.ts'
import { forwarding } from './splice.ts'
import type { StreamLink } from './stream-link.ts'
import { tlsEntryFor } from './tls-routes.ts'
import type { KnownTraffic } from './waypoint-state.ts'

export interface TcpDeps {
  readonly rng: Rng
  readonly clusters: MeshClusters
  readonly authorizer: MeshAuthorizer
  readonly dial: Dial
  /** Told of each refusal. */
  refused(downstream: Downstream, why: string): void
}

export interface TcpStream {
  readonly link: StreamLink
  /** What was read of it to learn what it is. */
  readonly early: Buffer
  readonly downstream: Downstream
  readonly traffic: KnownTraffic | undefined
  /** The name that a client of TLS asks for. */
  readonly serverName?: string | undefined
}

interface TcpTarget {
  readonly service: string
  readonly port: number
  readonly tls: TlsTerms | undefined
}

/** A stream that was let through. */
interface OpenCall {
  readonly link: StreamLink
  readonly downstream: Downstream
  readonly target: TcpTarget
  /** The endpoint's key. */
  readonly endpoint: string
}

/**
 * Streams that nobody reads: by the weights of TCP routes each goes to one endpoint that admits the caller, then bytes pass
 * both ways for as long as it is admitted. A rule that reads requests admits no such stream.
 */
export class TcpCalls {
  readonly #deps: TcpDeps
  readonly #open: Set<OpenCall> = new Set()
  readonly #onEmpty: () => void

  constructor(deps: TcpDeps, onEmpty: () => void) {
    this.#deps = deps
    this.#onEmpty = onEmpty
  }

  get size(): number {
    return this.#open.size
  }

  begin({ link, early, downstream, traffic, serverName }: TcpStream): void {
    const { authorizer, clusters, rng } = this.#deps
    const target = targetOf({ downstream, traffic, serverName, early }, rng)
    if (target === undefined) {
      this.#refuse(link, downstream, 'no backend')
      return
    }
    const { verdict, refusedBy } = authorizer.decide(undefined, downstream, target)
    if (!verdict.allowed) {
      this.#refuse(link, downstream, reasonOf(verdict))
      return
    }
    const balancer = clusters.clusterOf(target.service, target.port, target.tls)?.balancer
    const exclude =
      refusedBy === undefined ? [] : [...(balancer?.endpoints ?? [])].filter(({ key }) => refusedBy.has(key))
    const endpoint = balancer?.pick({ exclude })
    // Excluded ones are chosen where there is no other.
    if (endpoint === undefined || refusedBy?.has(endpoint.key) === true) {
      this.#refuse(link, downstream, 'no endpoint')
      return
    }
    this.#splice({ link, downstream, target, endpoint: endpoint.key }, early, endpoint.spec)
  }

  /** The mesh or its policies have changed: what would not be let through now ends. */
  decideAgain(): void {
    for (const call of this.#open) {
      const { link, downstream, target, endpoint } = call
      const { verdict, refusedBy } = this.#deps.authorizer.decide(undefined, downstream, target)
      if (verdict.allowed && refusedBy?.has(endpoint) !== true) continue
      this.#remove(call)
      this.#refuse(link, downstream, reasonOf(verdict))
    }
  }

  destroy(): void {
    for (const { link } of this.#open) link.destroy()
    this.#open.clear()
  }

  #remove(call: OpenCall): void {
    if (this.#open.delete(call) && this.#open.size === 0) this.#onEmpty()
  }

  #refuse(link: StreamLink, downstream: Downstream, why: string): void {
    link.destroy()
    this.#deps.refused(downstream, why)
    if (this.#open.size === 0) this.#onEmpty()
  }

  #splice(call: OpenCall, early: Buffer, spec: UpstreamSpec): void {
    const { link } = call
    this.#open.add(call)
    const dialled = this.#deps.dial(spec, 'bytes')
    dialled.attach(forwarding(dialled.link, link), () => undefined)
    const upwards = forwarding(link, dialled.link)
    if (early.length > 0) upwards.receive(early, 0, early.length)
    link.attachUser({
      ...upwards,
      onTransportClose: () => {
        this.#remove(call)
        upwards.onTransportClose()
      },
    })
  }
}

function reasonOf({ reason, policy }: Verdict): string {
  return policy === undefined ? reason : `${reason} ${policy}`
}

/** What is said of the port that was called, for whoever called it. */
export function routesOf(known: KnownTraffic | undefined, downstream: Downstream): Routes | undefined {
  const port = known?.traffic.ports.find((one) => one.port === downstream.port)
  return port?.consumers.get(downstream.namespace) ?? port?.producer
}

/** The port of the service itself, where no route of streams speaks of it. Undefined: nothing of it is left. */
function targetOf(
  { downstream, traffic, serverName, early }: Omit<TcpStream, 'link'>,
  rng: Rng,
): TcpTarget | undefined {
  const led = backendOf(downstream, { routes: routesOf(traffic, downstream), serverName }, rng)
  if (led?.kind !== 'service') return undefined
  const { service, port } = led
  // A client that begins TLS itself means the endpoint, and verifies it.
  if (serverName !== undefined || beginsTls(early)) return { service, port, tls: undefined }
  const { backend, tls } = traffic?.tlsOf(led) ?? { backend: led, tls: undefined }
  return backend.kind === 'service' ? { service, port, tls } : undefined
}

function beginsTls(early: Buffer): boolean {
  return early.length > 0 && readHello(early).kind !== 'other'
}

function backendOf(
  { service, port }: Downstream,
  { routes, serverName }: { readonly routes: Routes | undefined; readonly serverName: string | undefined },
  rng: Rng,
): Backend | undefined {
  if (routes === undefined || routes.kind === 'http') return { kind: 'service', service, port }
  const led = routes.kind === 'tcp' ? routes : tlsEntryFor(routes, serverName)
  const shares = led?.backends.map(({ backend: item, weight }) => ({ item, weight })) ?? []
  return new WeightedChoice(shares).pick(rng)
}
