/**
 * What happens to requests and connections on their way to a service: one form for everything that users write about it
 * (Gateway API, SMI, static files), so that one data plane enforces all of it. Plain data, in the order of precedence.
 */
export { describeOrigin, isOfSameOwner } from './origin.ts'
export type { RuleOrigin } from './origin.ts'
export { anyRequest } from './match.ts'
export type { HttpMatch, NamedMatch, PathMatch, Pattern, ValueMatch } from './match.ts'
export { normalisePath } from './normalise-path.ts'
export type { NormalPath, RefusedPath } from './normalise-path.ts'
export { unchangeableFields } from './backend.ts'
export type {
  Backend,
  CorsFilter,
  Fraction,
  Header,
  HeaderChanges,
  HttpFilter,
  PathChange,
  WeightedBackend,
} from './backend.ts'
export { defaultOutliers, nearnesses, unlimited } from './resilience.ts'
export type {
  ConnectionLimits,
  FaultInjection,
  Hedging,
  LocalityPreference,
  Nearness,
  OutlierDetection,
  RateLimit,
  Resilience,
  RetryBudget,
  RetryRule,
  SessionPersistence,
} from './resilience.ts'
export { resilienceAt } from './routes.ts'
export type {
  HttpEntry,
  HttpRoutes,
  HttpRule,
  PortProtocol,
  PortTraffic,
  Routes,
  ServiceTraffic,
  TcpRoutes,
  TlsRoutes,
} from './routes.ts'
export { tlsLookup } from './upstream-tls.ts'
export type { SecuredBackend, SubjectAltName, TlsLookup, TlsTerms, UpstreamTls } from './upstream-tls.ts'
export { backendsOf } from './route-backends.ts'
