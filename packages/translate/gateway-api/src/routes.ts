import type { GatewayTcpRouteObject, GrpcRouteObject, HttpRouteObject, TlsRouteObject } from '@tulle/api'

/** Routes that the mesh carries out. */
export type RouteObject = GrpcRouteObject | HttpRouteObject | TlsRouteObject | GatewayTcpRouteObject
