import type { Rng } from '@tulle/core'
import type { Dial, Downstream, UpstreamSpec } from '@tulle/l7'
import type { Routes, WeightedBackend } from '@tulle/traffic'
import type { MeshAuthorizer } from './mesh-authorizer.ts'
import type { MeshClusters } from './mesh-clusters.ts'
import { forwarding } from './splice.ts'
import type { StreamLink } from './stream-link.ts'
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
}

interface TcpTarget {
  readonly service: string
  readonly port: number
}

/**
 * A stream that nobody reads: by the weights of TCP routes to one endpoint that admits the caller, then bytes both ways. A
 * rule that reads requests admits no such stream.
 */
export function passTcp({ link, early, downstream, traffic }: TcpStream, deps: TcpDeps): void {
  const refuse = (why: string): void => {
    link.destroy()
    deps.refused(downstream, why)
  }
  const target = tcpTarget(downstream, traffic, deps.rng)
  if (target === undefined) {
    refuse('no backend')
    return
  }
  const { verdict, refusedBy } = deps.authorizer.decide(undefined, downstream, target)
  if (!verdict.allowed) {
    refuse(`${verdict.reason}${verdict.policy === undefined ? '' : ` ${verdict.policy}`}`)
    return
  }
  const balancer = deps.clusters.clusterOf(target.service, target.port)?.balancer
  const exclude =
    refusedBy === undefined ? [] : [...(balancer?.endpoints ?? [])].filter(({ key }) => refusedBy.has(key))
  const endpoint = balancer?.pick({ exclude })
  if (endpoint === undefined || refusedBy?.has(endpoint.key) === true) {
    refuse('no endpoint')
    return
  }
  splice({ link, early }, endpoint.spec, deps)
}

function splice(
  { link, early }: Pick<TcpStream, 'link' | 'early'>,
  spec: UpstreamSpec,
  { dial }: TcpDeps,
): void {
  const dialled = dial(spec)
  dialled.attach(forwarding(dialled.link, link), () => undefined)
  const upwards = forwarding(link, dialled.link)
  if (early.length > 0) upwards.receive(early, 0, early.length)
  link.attachUser(upwards)
}

/** The port of the service itself, where no route of TCP speaks of it. */
function tcpTarget(downstream: Downstream, known: KnownTraffic | undefined, rng: Rng): TcpTarget | undefined {
  const own = { service: downstream.service, port: downstream.port }
  const port = known?.traffic.ports.find((one) => one.port === downstream.port)
  const routes: Routes | undefined = port?.consumers.get(downstream.namespace) ?? port?.producer
  if (routes?.kind !== 'tcp') return own
  const backend = pickWeighted(routes.backends, rng)?.backend
  return backend?.kind === 'service' ? backend : undefined
}

function pickWeighted(backends: readonly WeightedBackend[], rng: Rng): WeightedBackend | undefined {
  let left = rng.next() * backends.reduce((sum, { weight }) => sum + weight, 0)
  return backends.find(({ weight }) => {
    left -= weight
    return weight > 0 && left < 0
  })
}
