import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceTrafficSchema } from '@tulle/proto'

/** The plain objects that the generated messages are made of; each of them by where it stands. */
type Init<Shape> = Exclude<Shape, { readonly $typeName: string } | undefined>
type Item<List extends readonly unknown[] | undefined> = Init<NonNullable<List>[number]>

export type ServiceTrafficInit = Init<MessageInitShape<typeof ServiceTrafficSchema>>
export type PortInit = Item<ServiceTrafficInit['ports']>
export type RoutesInit = Init<PortInit['producer']>
type RoutesKind<Case extends string> = Extract<RoutesInit['kind'], { case: Case }>['value']
export type HttpRoutesInit = Init<RoutesKind<'http'>>
export type RuleInit = Item<HttpRoutesInit['rules']>
export type EntryInit = Item<HttpRoutesInit['entries']>
export type MatchInit = Init<EntryInit['match']>
export type PathMatchInit = Init<MatchInit['path']>
export type NamedMatchInit = Item<MatchInit['headers']>
export type OriginInit = Init<RuleInit['origin']>
export type WeightedBackendInit = Item<RuleInit['backends']>
export type BackendInit = Init<WeightedBackendInit['backend']>
export type FilterInit = Item<RuleInit['filters']>
export type FilterKindInit = NonNullable<FilterInit['kind']>
export type PathChangeInit = Init<Init<Extract<FilterKindInit, { case: 'rewrite' }>['value']>['path']>
export type ResilienceInit = Init<ServiceTrafficInit['resilience']>
export type UpstreamTlsInit = Item<ServiceTrafficInit['upstreamTls']>
export type TlsTermsInit = Init<UpstreamTlsInit['terms']>
export type SessionInit = Init<ResilienceInit['session']>
