import type { AppProtocol, BalanceScope, LoadBalancing, Service, Workload } from '@tulle/mesh'
import type { AuthorizationPolicy } from '@tulle/policy'
import {
  AppProtocol as WireAppProtocol,
  ApplicationTunnelProtocol,
  AuthorizationAction,
  AuthorizationScope,
  IPFamilies,
  LoadBalancingHealthPolicy,
  LoadBalancingMode,
  LoadBalancingScope,
  NetworkMode,
  ServiceVisibility,
  TunnelProtocol,
  WorkloadStatus,
  WorkloadType,
} from '@tulle/proto'

/** One enum both ways: the model's word and the number on the wire. A number that is not listed is refused. */
export interface EnumNames<Name extends string, Wire extends number = number> {
  readonly numberOf: Readonly<Record<Name, Wire>>
  readonly nameOf: ReadonlyMap<number, Name>
}

export function enumNames<Name extends string, Wire extends number>(
  numberOf: Readonly<Record<Name, Wire>>,
): EnumNames<Name, Wire> {
  // Object.entries forgets the key type; the record's own type proves it.
  const pairs = Object.entries(numberOf) as [Name, number][]
  return { numberOf, nameOf: new Map(pairs.map(([name, number]) => [number, name])) }
}

export const tunnelNames: EnumNames<Workload['tunnel'], TunnelProtocol> = enumNames({
  none: TunnelProtocol.NONE,
  hbone: TunnelProtocol.HBONE,
  // LEGACY_ISTIO_MTLS is left out: ztunnel refuses it too.
})

export const workloadTypeNames: EnumNames<Workload['workloadType'], WorkloadType> = enumNames({
  deployment: WorkloadType.DEPLOYMENT,
  cronjob: WorkloadType.CRONJOB,
  pod: WorkloadType.POD,
  job: WorkloadType.JOB,
})

export const healthNames: EnumNames<Workload['health'], WorkloadStatus> = enumNames({
  healthy: WorkloadStatus.HEALTHY,
  unhealthy: WorkloadStatus.UNHEALTHY,
})

export const networkModeNames: EnumNames<'standard' | 'host', NetworkMode> = enumNames({
  standard: NetworkMode.STANDARD,
  host: NetworkMode.HOST_NETWORK,
})

export const applicationTunnelNames: EnumNames<'none' | 'proxy', ApplicationTunnelProtocol> = enumNames({
  none: ApplicationTunnelProtocol.NONE,
  proxy: ApplicationTunnelProtocol.PROXY,
})

export const appProtocolNames: EnumNames<AppProtocol, WireAppProtocol> = enumNames({
  unknown: WireAppProtocol.UNKNOWN,
  http11: WireAppProtocol.HTTP11,
  http2: WireAppProtocol.HTTP2,
  grpc: WireAppProtocol.GRPC,
  tcp: WireAppProtocol.TCP,
  tls: WireAppProtocol.TLS,
})

export const ipFamilyNames: EnumNames<Service['ipFamilies'], IPFamilies> = enumNames({
  automatic: IPFamilies.AUTOMATIC,
  'ipv4-only': IPFamilies.IPV4_ONLY,
  'ipv6-only': IPFamilies.IPV6_ONLY,
  dual: IPFamilies.DUAL,
})

export const visibilityNames: EnumNames<Service['visibility'], ServiceVisibility> = enumNames({
  public: ServiceVisibility.PUBLIC,
  namespace: ServiceVisibility.NAMESPACE,
})

export const scopeNames: EnumNames<BalanceScope, LoadBalancingScope> = enumNames({
  region: LoadBalancingScope.REGION,
  zone: LoadBalancingScope.ZONE,
  subzone: LoadBalancingScope.SUBZONE,
  node: LoadBalancingScope.NODE,
  cluster: LoadBalancingScope.CLUSTER,
  network: LoadBalancingScope.NETWORK,
})

export const balanceModeNames: EnumNames<LoadBalancing['mode'], LoadBalancingMode> = enumNames({
  unspecified: LoadBalancingMode.UNSPECIFIED_MODE,
  strict: LoadBalancingMode.STRICT,
  failover: LoadBalancingMode.FAILOVER,
  passthrough: LoadBalancingMode.PASSTHROUGH,
})

export const balanceHealthNames: EnumNames<LoadBalancing['health'], LoadBalancingHealthPolicy> = enumNames({
  'only-healthy': LoadBalancingHealthPolicy.ONLY_HEALTHY,
  'allow-all': LoadBalancingHealthPolicy.ALLOW_ALL,
})

export const policyScopeNames: EnumNames<AuthorizationPolicy['scope'], AuthorizationScope> = enumNames({
  global: AuthorizationScope.GLOBAL,
  namespace: AuthorizationScope.NAMESPACE,
  workload: AuthorizationScope.WORKLOAD_SELECTOR,
})

export const policyActionNames: EnumNames<AuthorizationPolicy['action'], AuthorizationAction> = enumNames({
  allow: AuthorizationAction.ALLOW,
  deny: AuthorizationAction.DENY,
})
