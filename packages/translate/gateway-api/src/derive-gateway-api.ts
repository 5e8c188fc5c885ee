import type { ApiCollections, Condition } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import {
  derivePolicyConditions,
  deriveServiceResilience,
  indexTlsPolicies,
  indexTrafficPolicies,
} from './backend-policies.ts'
import { deriveBackendTls } from './backend-tls.ts'
import type { TlsByPort } from './backend-tls.ts'
import { deriveOtherConditions } from './other-conditions.ts'
import { indexGrants } from './reference-grants.ts'
import { deriveRouteConditions } from './route-conditions.ts'
import type { RouteTranslation } from './route-types.ts'
import type { RouteObject } from './routes.ts'
import { deriveServiceOutcomes, deriveServiceRoutes, indexRoutesByService } from './service-routes.ts'
import type { ServiceRoutes } from './service-routes.ts'
import { deriveAttachedResilience, indexTrafficPoliciesByTarget } from './traffic-policies.ts'
import type { ServiceResilience } from './traffic-policies.ts'
import { deriveTrafficPolicyConditions } from './traffic-policy-conditions.ts'
import { translateRoute } from './translate-route.ts'

export interface GatewayApiModel {
  /** Routes as they were understood, keyed by `objectKey`. */
  readonly routes: Collection<RouteTranslation>
  /** Keyed by `serviceKey`. */
  readonly serviceRoutes: Collection<ServiceRoutes>
  /** What is attached to services, keyed by `serviceKey`. */
  readonly resilience: Collection<ServiceResilience>
  /** Ports to which TLS is begun, keyed by `serviceKey`. */
  readonly backendTls: Collection<TlsByPort>
  /** Of every object of the Gateway API, keyed by `objectKey`. */
  readonly conditions: Collection<readonly Condition[]>
}

/** Routes and policies of the Gateway API, and what is attached to both in its way. @see GEP-1294, GEP-713 */
export function deriveGatewayApi(graph: Graph, api: ApiCollections): GatewayApiModel {
  const tlsPolicies = indexTlsPolicies(graph, api)
  const backendPolicies = indexTrafficPolicies(graph, api)
  const policies = indexTrafficPoliciesByTarget(graph, api)
  const backendTls = deriveBackendTls(graph, api, tlsPolicies)
  const grants = indexGrants(graph, api)
  const translate = (name: string, routes: Collection<RouteObject>): Collection<RouteTranslation> =>
    graph.derive(name, routes, (route, look) =>
      translateRoute({ route, look, api, backendTls, grants, policies }),
    )
  const routes = graph.join('gateway-routes', [
    translate('translated-http-routes', api.httpRoutes),
    translate('translated-grpc-routes', api.grpcRoutes),
    translate('translated-tls-routes', api.tlsRoutes),
    translate('translated-tcp-routes', api.gatewayTcpRoutes),
  ])
  const outcomes = deriveServiceOutcomes(graph, api, indexRoutesByService(graph, routes))
  return {
    routes,
    serviceRoutes: deriveServiceRoutes(graph, outcomes),
    resilience: deriveAttachedResilience(graph, api, {
      others: deriveServiceResilience(graph, api, backendPolicies),
      policies,
    }),
    backendTls,
    conditions: graph.join('gateway-conditions-of-all', [
      deriveRouteConditions(graph, routes, outcomes),
      derivePolicyConditions(graph, api, { tls: tlsPolicies, traffic: backendPolicies }),
      deriveTrafficPolicyConditions(graph, api, policies),
      deriveOtherConditions(graph, api),
    ]),
  }
}
