/** Configuration as it travels: any bytes are read or refused, and a policy that is not understood in full is refused. */
import { isDeepStrictEqual } from 'node:util'
import type { DescMessage } from '@bufbuild/protobuf'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { must, seededRng } from '@tulle/core'
import type { Rng } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import { ipFromBytes, parsePort } from '@tulle/mesh'
import type { IpAddress, Service, Workload } from '@tulle/mesh'
import {
  decodeAddress,
  decodeAuthorization,
  encodeAuthorization,
  encodeService,
  encodeWorkload,
  scopeOfRefused,
} from '@tulle/mesh-xds'
import { emptyMatch } from '@tulle/policy'
import type { AuthorizationPolicy, Match } from '@tulle/policy'
import { AuthorizationSchema } from '@tulle/proto'
import { below, pick } from '../mutate.ts'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'

const ip = (...bytes: readonly number[]): IpAddress => must(ipFromBytes(Uint8Array.from(bytes)))
const address = ip(10, 0, 0, 1)

const port = {
  servicePort: must(parsePort(80)),
  targetPort: must(parsePort(8080)),
  appProtocol: 'tcp',
} as const

const workload: Workload = {
  uid: 'Kubernetes//Pod/shop/books',
  name: 'books',
  namespace: 'shop',
  serviceAccount: 'books',
  trustDomain: must(parseTrustDomain('cluster.local')),
  addresses: [address, ip(...Array.from({ length: 16 }, (_, i) => i))],
  network: '',
  tunnel: 'hbone',
  node: 'n1',
  services: new Map([['shop/books.shop.svc.cluster.local', [port]]]),
  policies: ['shop/books'],
  health: 'healthy',
  capacity: 1,
  kubeCluster: 'Kubernetes',
  canonicalName: 'books',
  canonicalRevision: 'v1',
  workloadName: 'books',
  workloadType: 'deployment',
  hostname: '',
  nativeTunnel: false,
  hostNetwork: false,
  locality: { region: 'r', zone: 'z', subzone: 's' },
}

const service: Service = {
  name: 'books',
  namespace: 'shop',
  hostname: 'books.shop.svc.cluster.local',
  addresses: [{ network: '', address }],
  ports: [port],
  subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/books'],
  ipFamilies: 'automatic',
  canonical: true,
  visibility: 'public',
  ingressUseWaypoint: false,
  weightedWaypoints: [],
}

const text = { kind: 'exact', value: 'cluster.local/ns/shop/sa/web' } as const
const range = { address, prefixBits: 24 }
const full: Match = {
  ...emptyMatch,
  namespaces: [{ kind: 'prefix', value: 'sh' }],
  notNamespaces: [{ kind: 'suffix', value: 'x' }],
  principals: [text],
  notPrincipals: [{ kind: 'presence' }],
  serviceAccounts: [{ namespace: 'shop', serviceAccount: 'web' }],
  sourceIps: [range],
  notDestinationIps: [range],
  destinationPorts: [80, 8080],
  notDestinationPorts: [22],
}

function policy(action: AuthorizationPolicy['action'], ...matches: readonly Match[]): AuthorizationPolicy {
  const rules = [{ clauses: [{ matches }, { matches: [emptyMatch] }] }]
  return { name: 'books', namespace: 'shop', scope: 'workload', action, dryRun: false, rules }
}

const policies = [
  policy('allow', full),
  policy('deny', { ...emptyMatch, destinationPorts: [80] }, full),
  { ...policy('allow'), scope: 'global', namespace: '', dryRun: true, rules: [] } as AuthorizationPolicy,
]

const words = [
  '0a00',
  '1a00',
  'ffffffffffffffffff01',
  '80808080808080808000',
  '0801',
  '0d00000000',
  '0900000000',
  '0b0c',
].map((hex) => Buffer.from(hex, 'hex'))

export const addresses: FuzzTarget = {
  name: 'wds-address',
  about: 'any bytes are an address or a refusal; what was read travels on unchanged',
  seeds: [encodeWorkload(workload), encodeService(service)],
  words,
  maxBytes: 1000,
  run(input) {
    const found = decodeAddress(input)
    if (!found.ok) return found.error.replaceAll(/".*"|\d+/gu, '').slice(0, 60)
    const { value } = found
    const bytes = value.kind === 'workload' ? encodeWorkload(value.workload) : encodeService(value.service)
    const again = decodeAddress(bytes)
    ensure(again.ok && isDeepStrictEqual(again.value, value), () => 'it travels on as something else')
    return value.kind
  },
}

export const authorizations: FuzzTarget = {
  name: 'wds-authorization',
  about: 'any bytes are a policy or a refusal; what was read travels on unchanged',
  seeds: policies.map(encodeAuthorization),
  words,
  maxBytes: 1000,
  run(input) {
    scopeOfRefused('shop/books', input)
    const found = decodeAuthorization(input)
    if (!found.ok) return found.error.replaceAll(/".*"|\d+/gu, '').slice(0, 60)
    const again = decodeAuthorization(encodeAuthorization(found.value))
    ensure(again.ok && isDeepStrictEqual(again.value, found.value), () => 'it travels on as something else')
    return `policy ${found.value.rules.length} ${found.value.action}`
  },
}

interface Insertion {
  readonly bytes: Uint8Array
  readonly depth: number
  readonly what: string
}

/** Puts something that the schema does not know into a good message, at a place of its choice. */
function insertForeign(rng: Rng, schema: DescMessage, bytes: Uint8Array, depth: number = 0): Insertion {
  const fields = fieldsOf(bytes)
  const nested = fields.filter(({ number, wireType }) => {
    const known = schema.fields.find((field) => field.number === number)
    return known?.message !== undefined && wireType === WireType.LengthDelimited
  })
  if (nested.length > 0 && rng.next() < 0.75) {
    const chosen = pick(rng, nested)
    const inner = schema.fields.find((field) => field.number === chosen.number)?.message
    if (inner !== undefined) {
      const found = insertForeign(rng, inner, chosen.content, depth + 1)
      const wrapped = new BinaryWriter()
        .tag(chosen.number, WireType.LengthDelimited)
        .bytes(found.bytes)
        .finish()
      const put = Buffer.concat([bytes.subarray(0, chosen.start), wrapped, bytes.subarray(chosen.end)])
      return { ...found, bytes: put }
    }
  }
  const at = pick(rng, [0, ...fields.map(({ end }) => end)])
  const { piece, what } = foreignPiece(rng, schema)
  return { bytes: Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]), depth, what }
}

interface Field {
  readonly number: number
  readonly wireType: WireType
  readonly start: number
  readonly end: number
  readonly content: Uint8Array
}

function fieldsOf(bytes: Uint8Array): readonly Field[] {
  const reader = new BinaryReader(bytes)
  const fields: Field[] = []
  while (reader.pos < bytes.length) {
    const start = reader.pos
    const [number, wireType] = reader.tag()
    const content = wireType === WireType.LengthDelimited ? reader.bytes() : new Uint8Array(0)
    if (wireType !== WireType.LengthDelimited) reader.skip(wireType, number)
    fields.push({ number, wireType, start, end: reader.pos, content })
  }
  return fields
}

/** A field of an unknown number in any wire type, a known one in a wrong type, or a value that its enum has not. */
function foreignPiece(rng: Rng, schema: DescMessage): { readonly piece: Uint8Array; readonly what: string } {
  const writer = new BinaryWriter()
  const choice = rng.next()
  const enums = schema.fields.filter((field) => field.enum !== undefined)
  if (choice < 0.15 && enums.length > 0) {
    const { number } = pick(rng, enums)
    return {
      piece: writer
        .tag(number, WireType.Varint)
        .uint32(100 + below(rng, 1000))
        .finish(),
      what: 'enum value',
    }
  }
  if (choice < 0.3 && schema.fields.length > 0) {
    const { number } = pick(rng, schema.fields)
    return { piece: writer.tag(number, WireType.Bit32).fixed32(below(rng, 1000)).finish(), what: 'wire type' }
  }
  const known = new Set(schema.fields.map(({ number }) => number))
  let number = 1 + below(rng, pick(rng, [20, 40, 2000, 536_870_911]))
  while (known.has(number)) number++
  const wireType = pick(rng, [
    WireType.Varint,
    WireType.Bit64,
    WireType.LengthDelimited,
    WireType.Bit32,
    WireType.StartGroup,
  ])
  writer.tag(number, wireType)
  if (wireType === WireType.Varint) writer.uint64(BigInt(below(rng, 2 ** 32)))
  else if (wireType === WireType.Bit64) writer.fixed64(1n)
  else if (wireType === WireType.Bit32) writer.fixed32(1)
  else if (wireType === WireType.LengthDelimited) writer.bytes(Uint8Array.from({ length: below(rng, 20) }))
  else writer.tag(number, WireType.EndGroup)
  return { piece: writer.finish(), what: `field in wire type ${wireType}` }
}

export const foreignParts: FuzzTarget = {
  name: 'authorization-foreign-part',
  about: 'a good policy with anything unknown put in at any depth is refused',
  seeds: [Uint8Array.of(0, 0, 0, 1), Uint8Array.of(1, 0, 0, 2), Uint8Array.of(2, 0, 0, 3)],
  maxBytes: 5,
  make: (rng) => Uint8Array.from({ length: 5 }, () => below(rng, 256)),
  /** The input is a seed: bytes at random would hardly ever be a policy but for one part. */
  run(input) {
    const rng = seededRng(input.reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 7))
    const good = encodeAuthorization(policies[(input[0] ?? 0) % policies.length] ?? policy('allow', full))
    ensure(decodeAuthorization(good).ok, () => 'the policy without it is refused')
    const { bytes, depth, what } = insertForeign(rng, AuthorizationSchema, good)
    const found = decodeAuthorization(bytes)
    ensure(!found.ok, () => `${what} at depth ${depth} was taken: ${Buffer.from(bytes).toString('hex')}`)
    return `${depth} ${what}`
  },
}
