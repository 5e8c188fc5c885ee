import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { must } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import { ipFromBytes, isIpv6 } from '@tulle/mesh'
import type { GatewayAddress, IpRange, Service, Workload } from '@tulle/mesh'
import type { AuthorizationPolicy, Match, StringMatch } from '@tulle/policy'
import { AddressSchema } from '@tulle/proto'
import { decodeAddress } from './decode-address.ts'
import { decodeAuthorization } from './decode-authorization.ts'
import { encodeService } from './encode-service.ts'
import { encodeWorkload } from './encode-workload.ts'
import { encodeAuthorization } from './encode-authorization.ts'
import { ports } from './model-fixture.ts'

/** Objects like our own: fast-check may also give such without prototype. */
function record<T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true })
}

const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/u)
const anyText = fc.string({ unit: 'grapheme', maxLength: 12 })
const someText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const portNumber = fc.integer({ min: 1, max: 65_535 })
const address = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((bytes) => must(ipFromBytes(bytes)))
const networkAddress = record({ network: anyText, address })

const gateway: fc.Arbitrary<GatewayAddress> = record({
  destination: fc.oneof(
    record({ kind: fc.constant('hostname' as const), namespace: anyText, hostname: someText }),
    record({ kind: fc.constant('address' as const), network: anyText, address }),
  ),
  hboneMtlsPort: portNumber,
})

const workload: fc.Arbitrary<Workload> = fc.record(
  {
    uid: someText,
    name: anyText,
    namespace: name,
    serviceAccount: name,
    trustDomain: name.map((text) => must(parseTrustDomain(text))),
    addresses: fc.array(address, { maxLength: 3 }),
    network: anyText,
    tunnel: fc.constantFrom('hbone' as const, 'none' as const),
    node: anyText,
    services: fc
      .array(
        fc.tuple(
          anyText.filter((key) => key !== '__proto__'),
          fc.array(fc.tuple(portNumber, portNumber).map(([a, b]) => ports(a, b))),
        ),
      )
      .map((pairs) => new Map(pairs)),
    policies: fc.array(anyText),
    health: fc.constantFrom('healthy' as const, 'unhealthy' as const),
    capacity: fc.integer({ min: 0, max: 0xffff_ffff }),
    kubeCluster: someText,
    canonicalName: anyText,
    canonicalRevision: anyText,
    workloadName: anyText,
    workloadType: fc.constantFrom('deployment' as const, 'cronjob' as const, 'pod' as const, 'job' as const),
    hostname: anyText,
    nativeTunnel: fc.boolean(),
    hostNetwork: fc.boolean(),
    locality: record({ region: anyText, zone: anyText, subzone: anyText }),
    waypoint: gateway,
    networkGateway: gateway,
    applicationTunnel: record({
      protocol: fc.constantFrom('none' as const, 'proxy' as const),
      port: fc.integer({ min: 0, max: 65_535 }),
    }),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      'uid',
      'name',
      'namespace',
      'serviceAccount',
      'trustDomain',
      'addresses',
      'network',
      'tunnel',
      'node',
      'services',
      'policies',
      'health',
      'capacity',
      'kubeCluster',
      'canonicalName',
      'canonicalRevision',
      'workloadName',
      'workloadType',
      'hostname',
      'nativeTunnel',
      'hostNetwork',
    ],
  },
)

const service: fc.Arbitrary<Service> = fc.record(
  {
    name: anyText,
    namespace: anyText,
    hostname: someText,
    addresses: fc.array(
      fc
        .tuple(networkAddress, fc.option(fc.double({ min: 0, max: 1, noNaN: true })))
        .map(([one, share]) =>
          share === null ? one : { ...one, prefixBits: Math.floor(share * (isIpv6(one.address) ? 128 : 32)) },
        ),
      { maxLength: 3 },
    ),
    ports: fc.array(
      record({
        servicePort: portNumber,
        targetPort: fc.integer({ min: 0, max: 65_535 }),
        appProtocol: fc.constantFrom(
          'unknown' as const,
          'http11' as const,
          'http2' as const,
          'grpc' as const,
          'tcp' as const,
          'tls' as const,
        ),
      }),
    ),
    subjectAltNames: fc.array(anyText),
    ipFamilies: fc.constantFrom(
      'automatic' as const,
      'ipv4-only' as const,
      'ipv6-only' as const,
      'dual' as const,
    ),
    canonical: fc.boolean(),
    visibility: fc.constantFrom('public' as const, 'namespace' as const),
    ingressUseWaypoint: fc.boolean(),
    loadBalancing: record({
      preference: fc.array(
        fc.constantFrom(
          'region' as const,
          'zone' as const,
          'subzone' as const,
          'node' as const,
          'cluster' as const,
          'network' as const,
        ),
      ),
      mode: fc.constantFrom(
        'unspecified' as const,
        'strict' as const,
        'failover' as const,
        'passthrough' as const,
      ),
      health: fc.constantFrom('only-healthy' as const, 'allow-all' as const),
    }),
    waypoint: gateway,
    weightedWaypoints: fc.array(record({ destination: gateway, weight: fc.integer({ min: 0, max: 1000 }) })),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      'name',
      'namespace',
      'hostname',
      'addresses',
      'ports',
      'subjectAltNames',
      'ipFamilies',
      'canonical',
      'visibility',
      'ingressUseWaypoint',
      'weightedWaypoints',
    ],
  },
)

const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  record({
    kind: fc.constantFrom('exact' as const, 'prefix' as const, 'suffix' as const),
    value: anyText,
  }),
  fc.constant({ kind: 'presence' as const }),
)
const ipRange: fc.Arbitrary<IpRange> = fc
  .tuple(address, fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([base, share]) => ({ address: base, prefixBits: Math.floor(share * (isIpv6(base) ? 128 : 32)) }))
const strings = fc.array(stringMatch, { maxLength: 2 })
const ranges = fc.array(ipRange, { maxLength: 2 })
const portList = fc.array(portNumber, { maxLength: 3 })
const accounts = fc.array(record({ namespace: someText, serviceAccount: someText }), { maxLength: 2 })

const match: fc.Arbitrary<Match> = record({
  namespaces: strings,
  notNamespaces: strings,
  principals: strings,
  notPrincipals: strings,
  sourceIps: ranges,
  notSourceIps: ranges,
  destinationIps: ranges,
  notDestinationIps: ranges,
  destinationPorts: portList,
  notDestinationPorts: portList,
  serviceAccounts: accounts,
  notServiceAccounts: accounts,
})

const policy: fc.Arbitrary<AuthorizationPolicy> = record({
  name: someText,
  namespace: someText,
  scope: fc.constantFrom('global' as const, 'namespace' as const, 'workload' as const),
  action: fc.constantFrom('allow' as const, 'deny' as const),
  dryRun: fc.boolean(),
  rules: fc.array(
    record({
      clauses: fc.array(record({ matches: fc.array(match, { maxLength: 2 }) }), { maxLength: 2 }),
    }),
    { maxLength: 2 },
  ),
})

test('encodeWorkload and decodeAddress give back any workload', () => {
  fc.assert(
    fc.property(workload, (value) => {
      assert.deepEqual(must(decodeAddress(encodeWorkload(value))), { kind: 'workload', workload: value })
    }),
  )
})

test('encodeService and decodeAddress give back any service', () => {
  fc.assert(
    fc.property(service, (value) => {
      assert.deepEqual(must(decodeAddress(encodeService(value))), { kind: 'service', service: value })
    }),
  )
})

test('encodeAuthorization and decodeAuthorization give back any policy', () => {
  fc.assert(
    fc.property(policy, (value) => {
      assert.deepEqual(must(decodeAuthorization(encodeAuthorization(value))), value)
    }),
  )
})

/** Valid bytes with some of them changed, cut or doubled: they get further into a decoder than noise does. */
function damaged<T>(value: fc.Arbitrary<T>, encode: (value: T) => Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = record({ at: fc.nat(4000), to: fc.nat(255), cut: fc.boolean() })
  return fc.tuple(value, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([one, edits]) => {
    let bytes = Uint8Array.from(encode(one))
    for (const { at, to, cut } of edits) {
      if (bytes.length === 0) break
      if (cut) bytes = bytes.slice(0, at % bytes.length)
      else bytes[at % bytes.length] = to
    }
    return bytes
  })
}

test('decodeAddress gives a result for any bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    damaged(workload, encodeWorkload),
    damaged(service, encodeService),
  )
  fc.assert(
    fc.property(bytes, (one) => typeof decodeAddress(one).ok === 'boolean'),
    { numRuns: 1000 },
  )
})

test('decodeAuthorization gives a result for any bytes, and what it takes says the same again', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged(policy, encodeAuthorization))
  fc.assert(
    fc.property(bytes, (one) => {
      const first = decodeAuthorization(one)
      if (first.ok) assert.deepEqual(must(decodeAuthorization(encodeAuthorization(first.value))), first.value)
    }),
    { numRuns: 1000 },
  )
})

test('encodeWorkload() gives the bytes that the library gives', () => {
  fc.assert(
    fc.property(workload, (value) => {
      const bytes = encodeWorkload(value)
      assert.deepEqual(bytes, toBinary(AddressSchema, fromBinary(AddressSchema, bytes)))
    }),
  )
})
