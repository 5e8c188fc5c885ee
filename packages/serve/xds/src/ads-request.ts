import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { digestsKey } from '@tulle/mesh-xds'
import type { StreamRequest } from './ads-stream.ts'
import { InitialVersions } from './initial-versions.ts'

/**
 * What matters of a DeltaDiscoveryRequest. By hand, because a node of a large mesh names all that it has when it comes
 * back, and a thousand of them come at once.
 * @see envoy/service/discovery/v3/discovery.proto
 */
export function readAdsRequest(message: Uint8Array): Result<StreamRequest> {
  try {
    return ok(read(message))
  } catch (error) {
    return err(`expected a DeltaDiscoveryRequest: ${errorText(error)}`)
  }
}

function read(message: Uint8Array): StreamRequest {
  const reader = new TextReader(message)
  let typeUrl = ''
  let nonce = ''
  let error: string | undefined
  let digests: string | undefined
  const subscribe: string[] = []
  const unsubscribe: string[] = []
  const initialVersions = new InitialVersions(message)
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (wireType !== WireType.LengthDelimited) reader.skip(wireType)
    else if (field === 1) digests = readDigests(reader.bytes())
    else if (field === 2) typeUrl = reader.text()
    else if (field === 3) subscribe.push(reader.text())
    else if (field === 4) unsubscribe.push(reader.text())
    else if (field === 5) readVersion(reader, initialVersions)
    else if (field === 6) nonce = reader.text()
    else if (field === 7) error = readStatusMessage(reader.bytes())
    else reader.skip(wireType)
  }
  return { typeUrl, nonce, error, subscribe, unsubscribe, initialVersions, digests }
}

/** Out of `envoy.config.core.v3.Node`: of its metadata, which is field 3, the one text that is ours. */
function readDigests(node: Uint8Array): string | undefined {
  let digests: string | undefined
  eachPart(node, 3, (metadata) => {
    eachPart(metadata, 1, (entry) => {
      let key = ''
      let value: Uint8Array | undefined
      eachPart(entry, 1, (bytes) => (key = new TextReader(bytes).all()))
      eachPart(entry, 2, (bytes) => (value = bytes))
      // google.protobuf.Value: string_value 3.
      if (key !== digestsKey || value === undefined) return
      eachPart(value, 3, (bytes) => (digests = new TextReader(bytes).all()))
    })
  })
  return digests
}

/** Texts, bytes and messages of one field of a message; the others are passed over. */
function eachPart(message: Uint8Array, wanted: number, take: (bytes: Uint8Array) => void): void {
  const reader = new TextReader(message)
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (field === wanted && wireType === WireType.LengthDelimited) take(reader.bytes())
    else reader.skip(wireType)
  }
}

/** An entry of `map<string, string>`: key 1, value 2. */
function readVersion(reader: TextReader, versions: InitialVersions): void {
  const end = reader.uint32() + reader.pos
  if (end > reader.len) throw new RangeError('an entry ends beyond the message')
  let nameStart = end
  let nameEnd = end
  let versionStart = end
  let versionEnd = end
  while (reader.pos < end) {
    const [field, wireType] = reader.tag()
    if (wireType !== WireType.LengthDelimited || (field !== 1 && field !== 2)) {
      reader.skip(wireType)
      continue
    }
    const start = reader.bounded(end)
    if (field === 1) [nameStart, nameEnd] = [start, reader.pos]
    else [versionStart, versionEnd] = [start, reader.pos]
  }
  versions.add(nameStart, nameEnd, versionStart, versionEnd)
}

/** google.rpc.Status: message 2. */
function readStatusMessage(bytes: Uint8Array): string {
  const reader = new TextReader(bytes)
  let message = ''
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (field === 2 && wireType === WireType.LengthDelimited) message = reader.text()
    else reader.skip(wireType)
  }
  return message
}

/** Reads short texts faster than the library's decoder, which is made for long ones. */
class TextReader extends BinaryReader {
  readonly #buffer: Buffer

  constructor(bytes: Uint8Array) {
    super(bytes)
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  text(): string {
    const start = this.bounded(this.len)
    return this.#buffer.toString('utf8', start, this.pos)
  }

  /** All of it is one text. */
  all(): string {
    return this.#buffer.toString('utf8')
  }

  /** Steps over a length and as many bytes, which end at `limit` at the latest; where they begin. */
  bounded(limit: number): number {
    const length = this.uint32()
    const start = this.pos
    if (start + length > limit) throw new RangeError('a text ends beyond what it stands in')
    this.pos = start + length
    return start
  }
}
