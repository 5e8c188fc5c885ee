import { enumNames } from '@tulle/mesh-xds'
import type { EnumNames } from '@tulle/mesh-xds'
import {
  Nearness as WireNearness,
  OriginKind,
  PatternAnchor,
  PortProtocol as WirePortProtocol,
  RateLimitScope,
  SessionCarrier,
} from '@tulle/proto'
import type {
  Nearness,
  Pattern,
  PortProtocol,
  RateLimit,
  RuleOrigin,
  SessionPersistence,
} from '@tulle/traffic'

export const anchorNames: EnumNames<Pattern['anchor'], PatternAnchor> = enumNames({
  full: PatternAnchor.FULL,
  start: PatternAnchor.START,
})

export const protocolNames: EnumNames<PortProtocol, WirePortProtocol> = enumNames({
  http: WirePortProtocol.HTTP,
  http2: WirePortProtocol.HTTP2,
  tcp: WirePortProtocol.TCP,
  tls: WirePortProtocol.TLS,
  detect: WirePortProtocol.DETECT,
})

export const originNames: EnumNames<RuleOrigin['kind'], OriginKind> = enumNames({
  HTTPRoute: OriginKind.HTTP_ROUTE,
  GRPCRoute: OriginKind.GRPC_ROUTE,
  TLSRoute: OriginKind.TLS_ROUTE,
  TCPRoute: OriginKind.TCP_ROUTE,
  TrafficSplit: OriginKind.TRAFFIC_SPLIT,
  static: OriginKind.STATIC,
})

export const sessionNames: EnumNames<SessionPersistence['kind'], SessionCarrier> = enumNames({
  cookie: SessionCarrier.COOKIE,
  header: SessionCarrier.HEADER,
})

export const rateLimitNames: EnumNames<RateLimit['per'], RateLimitScope> = enumNames({
  service: RateLimitScope.PER_SERVICE,
  identity: RateLimitScope.PER_IDENTITY,
})

export const nearnessNames: EnumNames<Nearness, WireNearness> = enumNames({
  subzone: WireNearness.SUBZONE,
  zone: WireNearness.ZONE,
  region: WireNearness.REGION,
  anywhere: WireNearness.ANYWHERE,
})
