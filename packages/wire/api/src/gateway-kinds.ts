import type { ApiObject } from './kinds.ts'

export const gatewayGroup = 'gateway.networking.k8s.io'
export const gatewayExperimentalGroup = 'gateway.networking.x-k8s.io'

export interface ParentRefSpec {
  readonly group: string
  readonly kind: string
  /** The object's own namespace where the document has none. */
  readonly namespace: string
  readonly name: string
  /** Of a Service: the name of a port. */
  readonly sectionName?: string
  readonly port?: number
}

export interface ObjectRefSpec {
  readonly group: string
  readonly kind: string
  /** The object's own namespace where the document has none. */
  readonly namespace: string
  readonly name: string
  /** There is one for a Service. */
  readonly port?: number
}

export interface BackendRefSpec extends ObjectRefSpec {
  readonly weight: number
}

export interface NamedMatchSpec {
  readonly name: string
  readonly type: 'Exact' | 'RegularExpression'
  readonly value: string
}

export interface HttpRouteMatchSpec {
  readonly path: { readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression'; readonly value: string }
  readonly method?: string
  readonly headers: readonly NamedMatchSpec[]
  readonly queryParams: readonly NamedMatchSpec[]
}

export interface GrpcRouteMatchSpec {
  readonly method?: {
    readonly type: 'Exact' | 'RegularExpression'
    readonly service?: string
    readonly method?: string
  }
  readonly headers: readonly NamedMatchSpec[]
}

export interface HeaderModifierSpec {
  readonly set: readonly { readonly name: string; readonly value: string }[]
  readonly add: readonly { readonly name: string; readonly value: string }[]
  readonly remove: readonly string[]
}

export type PathModifierSpec =
  | { readonly type: 'ReplaceFullPath'; readonly replaceFullPath: string }
  | { readonly type: 'ReplacePrefixMatch'; readonly replacePrefixMatch: string }

export interface CorsSpec {
  readonly allowOrigins: readonly string[]
  readonly allowCredentials: boolean
  readonly allowMethods: readonly string[]
  readonly allowHeaders: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly maxAgeSeconds: number
}

export type RouteFilterSpec =
  | { readonly type: 'RequestHeaderModifier'; readonly requestHeaderModifier: HeaderModifierSpec }
  | { readonly type: 'ResponseHeaderModifier'; readonly responseHeaderModifier: HeaderModifierSpec }
  | {
      readonly type: 'RequestMirror'
      readonly backendRef: ObjectRefSpec
      readonly fraction: { readonly numerator: number; readonly denominator: number }
    }
  | {
      readonly type: 'RequestRedirect'
      readonly scheme?: 'http' | 'https'
      readonly hostname?: string
      readonly path?: PathModifierSpec
      readonly port?: number
      readonly statusCode: 301 | 302 | 303 | 307 | 308
    }
  | { readonly type: 'URLRewrite'; readonly hostname?: string; readonly path?: PathModifierSpec }
  | { readonly type: 'CORS'; readonly cors: CorsSpec }
  /** What another controller would have to carry out. */
  | { readonly type: 'ExtensionRef'; readonly group: string; readonly kind: string; readonly name: string }
  | { readonly type: 'ExternalAuth' }

export interface SessionPersistenceSpec {
  readonly type: 'Cookie' | 'Header'
  readonly sessionName?: string
  /** 0 where there is none. */
  readonly absoluteTimeoutMs: number
  /** Whether the cookie outlives the client's session. */
  readonly permanent: boolean
}

export interface FilteredBackendRefSpec extends BackendRefSpec {
  readonly filters: readonly RouteFilterSpec[]
}

export interface HttpRouteRuleSpec {
  readonly name?: string
  readonly matches: readonly HttpRouteMatchSpec[]
  readonly filters: readonly RouteFilterSpec[]
  readonly backendRefs: readonly FilteredBackendRefSpec[]
  /** 0 = off; absent = not said. */
  readonly requestTimeoutMs?: number
  readonly backendRequestTimeoutMs?: number
  readonly retry?: {
    readonly codes: readonly number[]
    readonly attempts?: number
    readonly backoffMs?: number
  }
  readonly sessionPersistence?: SessionPersistenceSpec
}

export interface GrpcRouteRuleSpec {
  readonly name?: string
  readonly matches: readonly GrpcRouteMatchSpec[]
  readonly filters: readonly RouteFilterSpec[]
  readonly backendRefs: readonly FilteredBackendRefSpec[]
  readonly sessionPersistence?: SessionPersistenceSpec
}

export interface StreamRouteRuleSpec {
  readonly name?: string
  readonly backendRefs: readonly BackendRefSpec[]
}

export interface RouteSpec<Rule> {
  readonly parentRefs: readonly ParentRefSpec[]
  /** Of TCP and UDP: always none. */
  readonly hostnames: readonly string[]
  readonly rules: readonly Rule[]
}

type GatewayApiObject<Kind extends string, Spec> = ApiObject<Kind, Spec, typeof gatewayGroup>

export type HttpRouteObject = GatewayApiObject<'HTTPRoute', RouteSpec<HttpRouteRuleSpec>>
export type GrpcRouteObject = GatewayApiObject<'GRPCRoute', RouteSpec<GrpcRouteRuleSpec>>
export type TlsRouteObject = GatewayApiObject<'TLSRoute', RouteSpec<StreamRouteRuleSpec>>
export type GatewayTcpRouteObject = GatewayApiObject<'TCPRoute', RouteSpec<StreamRouteRuleSpec>>
export type GatewayUdpRouteObject = GatewayApiObject<'UDPRoute', RouteSpec<StreamRouteRuleSpec>>

export interface GatewayListenerSpec {
  readonly name: string
  readonly port: number
  readonly protocol: string
  readonly hostname?: string
}

export interface GatewaySpec {
  readonly gatewayClassName: string
  readonly listeners: readonly GatewayListenerSpec[]
  readonly infrastructureLabels: Readonly<Record<string, string>>
  readonly infrastructureAnnotations: Readonly<Record<string, string>>
}
export type GatewayObject = GatewayApiObject<'Gateway', GatewaySpec>

export interface ReferenceGrantSpec {
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[]
  /** Without a name: every object of the kind. */
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[]
}
export type ReferenceGrantObject = GatewayApiObject<'ReferenceGrant', ReferenceGrantSpec>

/** What a policy is attached to, in its own namespace. */
export interface PolicyTargetSpec {
  readonly group: string
  readonly kind: string
  readonly name: string
  /** Of a Service: the name of a port; of a route: that of a rule. */
  readonly sectionName?: string
}

export interface BackendTlsPolicySpec {
  readonly targetRefs: readonly PolicyTargetSpec[]
  readonly hostname: string
  readonly caCertificateRefs: readonly {
    readonly group: string
    readonly kind: string
    readonly name: string
  }[]
  readonly wellKnownCaCertificates?: string
  readonly subjectAltNames: readonly { readonly type: 'Hostname' | 'URI'; readonly value: string }[]
}
export type BackendTlsPolicyObject = GatewayApiObject<'BackendTLSPolicy', BackendTlsPolicySpec>

export interface BackendTrafficPolicySpec {
  readonly targetRefs: readonly PolicyTargetSpec[]
  readonly retryConstraint?: {
    readonly percent: number
    readonly intervalMs: number
    readonly minRetries: { readonly count: number; readonly intervalMs: number }
  }
  readonly sessionPersistence?: SessionPersistenceSpec
}
export type BackendTrafficPolicyObject = ApiObject<
  'XBackendTrafficPolicy',
  BackendTrafficPolicySpec,
  typeof gatewayExperimentalGroup
>
