/** What a control plane reads of nodes: gRPC messages out of bytes, and requests out of messages. */
import { isDeepStrictEqual } from 'node:util'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { compareText } from '@tulle/core'
import { digestsKey } from '@tulle/mesh-xds'
import { DeltaDiscoveryRequestSchema } from '@tulle/proto'
import type { DeltaDiscoveryRequest } from '@tulle/proto'
import { readAdsRequest } from '../../../packages/serve/xds/src/ads-request.ts'
import { ByteBudget, MessageFrames } from '../../../packages/serve/xds/src/message-frames.ts'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'

const request = create(DeltaDiscoveryRequestSchema, {
  node: {
    id: 'ztunnel~10.0.0.1~n1.shop~shop.svc.cluster.local',
    metadata: { NAME: 'n1', PORTS: [1, { a: null }], [digestsKey]: 'abcd' },
  },
  typeUrl: 'type.googleapis.com/istio.workload.Address',
  resourceNamesSubscribe: ['*', 'shop/books', '\u{1F4DA}'],
  resourceNamesUnsubscribe: ['shop/old'],
  initialResourceVersions: { 'shop/books': 'abc', 'shop/reviews': 'def' },
  responseNonce: '7',
  errorDetail: { code: 3, message: 'shop/books: unknown field 8' },
})

const words = [
  '120131',
  '1a0161',
  '2200',
  '2a060a0161120162',
  '2a00',
  '320131',
  '3a0412026f68',
  '0b0c',
  'ffffffff0f',
  '08',
].map((hex) => Buffer.from(hex, 'hex'))

type Version = readonly [name: string, version: string]

const byName = ([a]: Version, [b]: Version): number => compareText(a, b)

/**
 * The library's reading, and how it says that itself; undefined where it refuses the bytes. It takes known fields in
 * wrong wire types, which we pass over, so that only what it says itself can be compared.
 */
function byLibrary(input: Uint8Array): { readonly bytes: Uint8Array; readonly facts: unknown } | undefined {
  try {
    const found = fromBinary(DeltaDiscoveryRequestSchema, input)
    const facts = {
      typeUrl: found.typeUrl,
      nonce: found.responseNonce,
      error: found.errorDetail?.message,
      subscribe: found.resourceNamesSubscribe,
      unsubscribe: found.resourceNamesUnsubscribe,
      versions: Object.entries(found.initialResourceVersions).toSorted(byName),
      digests: digestsOf(found),
    }
    return { bytes: toBinary(DeltaDiscoveryRequestSchema, found), facts }
  } catch {
    // Stricter than we are, such as about text that is no UTF-8.
    return undefined
  }
}

export const adsRequests: FuzzTarget = {
  name: 'ads-request',
  about:
    'any bytes are a request or a refusal; what the library makes of them and says again, both read the same',
  seeds: [
    toBinary(DeltaDiscoveryRequestSchema, request),
    toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema)),
  ],
  words,
  maxBytes: 600,
  run(input) {
    const other = byLibrary(input)
    if (other !== undefined) {
      const facts = factsOf(other.bytes)
      ensure(
        isDeepStrictEqual(facts, other.facts),
        () => `${JSON.stringify(facts)} instead of ${JSON.stringify(other.facts)}`,
      )
    }
    const found = readAdsRequest(input)
    if (!found.ok) return found.error.replaceAll(/\d+/gu, '').slice(0, 70)
    const { subscribe, unsubscribe, initialVersions, error } = found.value
    return `${other !== undefined} ${subscribe.length} ${unsubscribe.length} ${initialVersions.size} ${error !== undefined}`
  },
}

function factsOf(bytes: Uint8Array): unknown {
  const found = readAdsRequest(bytes)
  if (!found.ok) return found.error
  const { typeUrl, nonce, error, subscribe, unsubscribe, initialVersions, digests } = found.value
  return {
    typeUrl,
    nonce,
    error,
    subscribe,
    unsubscribe,
    versions: [...new Map(initialVersions.entries())].toSorted(byName),
    digests,
  }
}

function digestsOf({ node }: DeltaDiscoveryRequest): string | undefined {
  const value = node?.metadata?.[digestsKey]
  return typeof value === 'string' ? value : undefined
}

/** The messages that come out when bytes come in pieces; a fault ends them. */
function messagesOf(
  input: Uint8Array,
  pieceBytes: number,
): { readonly said: string; readonly heldBytes: number } {
  const budget = new ByteBudget(300)
  const frames = new MessageFrames(100, budget)
  const said: string[] = []
  for (let at = 0; at < input.length; at += pieceBytes) {
    const read = frames.push(Buffer.from(input.subarray(at, at + pieceBytes)))
    if (!read.ok) {
      said.push(`fault ${read.error.code}`)
      break
    }
    for (const message of read.value) said.push(Buffer.from(message).toString('hex'))
    ensure(budget.heldBytes <= 300, () => `${budget.heldBytes} bytes are held`)
  }
  frames[Symbol.dispose]()
  return { said: said.join(), heldBytes: budget.heldBytes }
}

let leftBytes = 0
const message = (...bytes: readonly number[]): Buffer => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes])

export const grpcFrames: FuzzTarget = {
  name: 'grpc-frames',
  about: 'however bytes are cut, the same messages come of them, and no byte stays on the budget',
  seeds: [Buffer.concat([message(1, 2, 3), message(), message(...Array.from({ length: 50 }, () => 7))])],
  words: [
    message(),
    message(9),
    Buffer.from('0000000064', 'hex'),
    Buffer.from('0000000065', 'hex'),
    Buffer.from('0100000000', 'hex'),
  ],
  maxBytes: 200,
  run(input) {
    const whole = messagesOf(input, Math.max(1, input.length))
    leftBytes = whole.heldBytes
    // In one piece, messages before a fault are not handed on: the call is over anyway.
    for (const pieceBytes of [1, 3, 7]) {
      const cut = messagesOf(input, pieceBytes)
      ensure(
        whole.said.includes('fault') || cut.said === whole.said,
        () => `${cut.said} in pieces, ${whole.said} whole`,
      )
      leftBytes += cut.heldBytes
    }
    return whole.said.replaceAll(/[0-9a-f]{2}/gu, 'x').slice(0, 40)
  },
  leftovers: () => leftBytes,
}
