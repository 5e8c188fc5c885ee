/**
 * The messages that cross our sockets, generated from proto/ by generate.sh, and the gRPC services that carry
 * them. Field numbers are those of Envoy and Istio, so that either side may be somebody else's; those of
 * `tulle.*` are ours.
 *
 * Types are called `…Message` where the model has the plain name.
 */
export { NodeSchema } from './gen/envoy/config/core/v3/base_pb.ts'
export type { Node } from './gen/envoy/config/core/v3/base_pb.ts'
export {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
} from './gen/envoy/service/discovery/v3/discovery_pb.ts'
export type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  Resource,
} from './gen/envoy/service/discovery/v3/discovery_pb.ts'
export { StatusSchema } from './gen/google/rpc/status_pb.ts'
export type { Status } from './gen/google/rpc/status_pb.ts'
export {
  Action as AuthorizationAction,
  AuthorizationSchema,
  Scope as AuthorizationScope,
} from './gen/istio/security/authorization_pb.ts'
export type {
  Address as AuthorizationAddressMessage,
  Authorization as AuthorizationMessage,
  Clause as ClauseMessage,
  Match as MatchMessage,
  Rule as RuleMessage,
  ServiceAccountMatch as ServiceAccountMatchMessage,
  StringMatch as StringMatchMessage,
} from './gen/istio/security/authorization_pb.ts'
export { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from './gen/istio/v1/auth_pb.ts'
export type { IstioCertificateRequest, IstioCertificateResponse } from './gen/istio/v1/auth_pb.ts'
export {
  AddressSchema,
  AppProtocol,
  ApplicationTunnel_Protocol as ApplicationTunnelProtocol,
  GatewayAddressSchema,
  IPFamilies,
  LoadBalancing_HealthPolicy as LoadBalancingHealthPolicy,
  LoadBalancing_Mode as LoadBalancingMode,
  LoadBalancing_Scope as LoadBalancingScope,
  NetworkMode,
  ServiceSchema,
  ServiceVisibility,
  TunnelProtocol,
  WorkloadSchema,
  WorkloadStatus,
  WorkloadType,
} from './gen/istio/workload/workload_pb.ts'
export type {
  Address as AddressMessage,
  GatewayAddress as GatewayAddressMessage,
  NetworkAddress as NetworkAddressMessage,
  Port as PortMessage,
  Service as ServiceMessage,
  Workload as WorkloadMessage,
} from './gen/istio/workload/workload_pb.ts'
export {
  Version as ZdsVersion,
  WorkloadRequestSchema,
  WorkloadResponseSchema,
  ZdsHelloSchema,
} from './gen/istio/workload/zds_pb.ts'
export type { WorkloadRequest, WorkloadResponse, ZdsHello } from './gen/istio/workload/zds_pb.ts'
export {
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from './gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts'
export { Span_SpanKind as SpanKind } from './gen/opentelemetry/proto/trace/v1/trace_pb.ts'
export type { Span as SpanMessage } from './gen/opentelemetry/proto/trace/v1/trace_pb.ts'
export { RevocationSchema, TrustBundleSchema } from './gen/tulle/identity/v1/identity_pb.ts'
export type {
  Revocation as RevocationMessage,
  TrustBundle as TrustBundleMessage,
} from './gen/tulle/identity/v1/identity_pb.ts'
export { TracingSchema } from './gen/tulle/telemetry/v1/telemetry_pb.ts'
export {
  AccessSchema,
  Anchor as PatternAnchor,
  Nearness,
  OriginKind,
  PortProtocol,
  RateLimitScope,
  ServiceTrafficSchema,
  SessionCarrier,
} from './gen/tulle/traffic/v1/traffic_pb.ts'
export type {
  Access as AccessMessage,
  Backend as BackendMessage,
  Cors as CorsMessage,
  FaultInjection as FaultInjectionMessage,
  Fraction as FractionMessage,
  HeaderChanges as HeaderChangesMessage,
  HttpFilter as HttpFilterMessage,
  HttpMatch as HttpMatchMessage,
  HttpRoutes as HttpRoutesMessage,
  HttpRule as HttpRuleMessage,
  NamedMatch as NamedMatchMessage,
  PathChange as PathChangeMessage,
  PathMatch as PathMatchMessage,
  Pattern as PatternMessage,
  PortTraffic as PortTrafficMessage,
  Redirect as RedirectMessage,
  RequestRule as RequestRuleMessage,
  Resilience as ResilienceMessage,
  Routes as RoutesMessage,
  RuleOrigin as RuleOriginMessage,
  ServiceTraffic as ServiceTrafficMessage,
  SessionPersistence as SessionPersistenceMessage,
  SubjectAltName as SubjectAltNameMessage,
  TcpRoutes as TcpRoutesMessage,
  TlsRoutes as TlsRoutesMessage,
  TlsTerms as TlsTermsMessage,
  UpstreamTls as UpstreamTlsMessage,
  WeightedBackend as WeightedBackendMessage,
} from './gen/tulle/traffic/v1/traffic_pb.ts'
export { aggregatedDiscoveryService, certificateService } from './services.ts'
