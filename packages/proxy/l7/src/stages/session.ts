import type { L7Environment } from '../environment.ts'
import type { RequestState } from '../request-state.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { Stage } from './stage.ts'

/**
 * A live session of the rule goes before weights, also before a weight of 0. It chooses the backend, so that it comes before
 * whatever is decided about that. @see GEP-1619
 */
export const sessionOfRule: Stage = (request, environment) => {
  const { rule, downstream } = request
  const session = rule?.rule.session
  if (rule === undefined || session === undefined) return undefined
  const keeper = environment.sessions.keeperOf(session, `${downstream.service}:${downstream.port}`)
  request.session = { keeper, live: undefined }
  const clusters = rule.allBackends.flatMap((backend) => clusterOf(backend, environment))
  const place = keeper.find(request.fields, clusters)
  if (place === undefined) return undefined
  const { service, port } = place.cluster
  request.backend = rule.allBackends.find(
    ({ backend }) => backend.kind === 'service' && backend.service === service && backend.port === port,
  )
  request.session.live = place.endpoint
  return undefined
}

/** Sessions that a service has whatever leads to it; those of the rule go before them. */
export const sessionOfService: Stage = (request, { sessions }) => {
  const { cluster, session: own } = request
  const session = cluster?.resilience.config.session
  if (cluster === undefined || session === undefined || own !== undefined) return undefined
  const keeper = sessions.keeperOf(session, `${cluster.service}:${cluster.port}`)
  request.session = { keeper, live: keeper.find(request.fields, [cluster])?.endpoint }
  return undefined
}

function clusterOf(
  { backend, tls }: NonNullable<RequestState['backend']>,
  { clusters }: L7Environment,
): readonly Cluster[] {
  const cluster =
    backend.kind === 'service' ? clusters.clusterOf(backend.service, backend.port, tls) : undefined
  return cluster === undefined ? [] : [cluster]
}
