import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { digestsKey, parseDigestMark } from '@tulle/mesh-xds'
import type { DigestMark } from '@tulle/mesh-xds'

/** Delta ADS by hand: the client shares two cores with what it measures, so it decodes no more than it needs. */
export interface FirstRequest {
  readonly node: string
  readonly typeUrl: string
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
  /** `initial_resource_versions`, encoded already: equal for all peers that know the same. */
  readonly initialVersions: Uint8Array
  /** Instead of those: what `encodeDigests` made, equal for all such peers too. */
  readonly digests: Uint8Array | undefined
}

/** A resource of a response, as far as a reconnect needs it. */
export interface NamedVersion {
  readonly name: string
  readonly version: string
}

export interface ResponseHead {
  readonly typeUrl: string
  readonly nonce: string
  readonly mark: DigestMark | undefined
}

const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(value)

export function encodeFirstRequest(request: FirstRequest): Uint8Array[] {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.LengthDelimited).fork()
  text(writer, 1, `ztunnel~127.0.0.1~${request.node}.bench~bench.svc.cluster.local`)
  if (request.digests !== undefined) writer.raw(request.digests)
  writer.join()
  text(writer, 2, request.typeUrl)
  for (const name of request.subscribe) text(writer, 3, name)
  for (const name of request.unsubscribe) text(writer, 4, name)
  return framed(writer.finish(), request.initialVersions)
}

/** `metadata` of a node, which is a google.protobuf.Struct. */
export function encodeDigests(digests: string): Uint8Array {
  const writer = new BinaryWriter()
  for (const field of [3, 1]) writer.tag(field, WireType.LengthDelimited).fork()
  text(writer, 1, digestsKey)
  writer.tag(2, WireType.LengthDelimited).fork()
  text(writer, 3, digests).join()
  for (let depth = 0; depth < 2; depth++) writer.join()
  return writer.finish()
}

/** The entries of `initial_resource_versions`, as fields of a request. */
export function encodeInitialVersions(
  versions: Iterable<readonly [name: string, version: string]>,
): Uint8Array {
  const writer = new BinaryWriter()
  for (const [name, version] of versions) {
    writer.tag(5, WireType.LengthDelimited).fork()
    text(writer, 1, name)
    text(writer, 2, version)
    writer.join()
  }
  return writer.finish()
}

/** The answer to a response; where that asked for versions, with them. */
export function encodeAck(
  { typeUrl, nonce }: ResponseHead,
  versions: Uint8Array = new Uint8Array(),
): Uint8Array[] {
  const writer = new BinaryWriter()
  text(writer, 2, typeUrl)
  text(writer, 6, nonce)
  return framed(writer.finish(), versions)
}

/**
 * What answers a response, out of its first bytes or all of them; undefined while that is not there. Ours says what it
 * says of digests before names and resources.
 */
export function readHead(message: Buffer): ResponseHead | undefined {
  let typeUrl = ''
  let nonce = ''
  let mark: DigestMark | undefined
  try {
    const reader = new BinaryReader(message)
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag()
      if (field === 4) typeUrl = reader.string()
      else if (field === 5) nonce = reader.string()
      else if (field === 7) mark = readMark(reader.bytes())
      else if (field === 2 || field === 6) break
      else reader.skip(wireType)
    }
  } catch {
    // The bytes end within a field.
  }
  return typeUrl === '' || nonce === '' ? undefined : { typeUrl, nonce, mark }
}

/** envoy.config.core.v3.ControlPlane: identifier 1. */
function readMark(controlPlane: Uint8Array): DigestMark | undefined {
  const reader = new BinaryReader(controlPlane)
  let identifier = ''
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (field === 1) identifier = reader.string()
    else reader.skip(wireType)
  }
  return parseDigestMark(identifier)
}

/** The resources of a whole response, and what it removes. */
export function readResources(message: Buffer): {
  readonly resources: readonly NamedVersion[]
  readonly removed: readonly string[]
} {
  const reader = new BinaryReader(message)
  const resources: NamedVersion[] = []
  const removed: string[] = []
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (field === 2) resources.push(readResource(reader.bytes()))
    else if (field === 6) removed.push(reader.string())
    else reader.skip(wireType)
  }
  return { resources, removed }
}

function readResource(bytes: Uint8Array): NamedVersion {
  const reader = new BinaryReader(bytes)
  let name = ''
  let version = ''
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (field === 1) version = reader.string()
    else if (field === 3) name = reader.string()
    else reader.skip(wireType)
  }
  return { name, version }
}

/** gRPC's length prefix. @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
function framed(...parts: readonly Uint8Array[]): Uint8Array[] {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(
    parts.reduce((sum, { length }) => sum + length, 0),
    1,
  )
  return [head, ...parts]
}
