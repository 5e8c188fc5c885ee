/** ClientHellos written by hand, well-formed and otherwise. @see RFC 8446 §4.1.2 */
import { Buffer } from 'node:buffer'
import { generateKeyPairSync, randomBytes } from 'node:crypto'

export const contentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const

export interface HelloOptions {
  readonly legacyVersion?: number
  readonly ciphers?: readonly number[]
  readonly compressions?: readonly number[]
  /** Absent: those that make a server of TLS 1.3 answer. */
  readonly extensions?: readonly Buffer[]
}

export function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

function prefixed16(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([uint16(body.length), body])
}

export function prefixed8(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.of(body.length), body])
}

export function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([uint16(type), prefixed16(body)])
}

export function serverName(host: Buffer | string): Buffer {
  return extension(0, prefixed16(Buffer.of(0), prefixed16(Buffer.from(host))))
}

export function alpn(...names: readonly string[]): Buffer {
  return extension(16, prefixed16(...names.map((name) => prefixed8(Buffer.from(name)))))
}

export const supportedVersions = (...versions: readonly number[]): Buffer =>
  extension(43, prefixed8(...versions.map(uint16)))

export const supportedGroups = (...groups: readonly number[]): Buffer =>
  extension(10, prefixed16(...groups.map(uint16)))

/** A share that a server can use. */
export function keyShare(...before: readonly Buffer[]): Buffer {
  const { publicKey } = generateKeyPairSync('x25519')
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return extension(51, prefixed16(...before, uint16(0x001d), prefixed16(key)))
}

/** A share of a group that nobody knows. */
export const unknownShare = (group: number): Buffer =>
  Buffer.concat([uint16(group), prefixed16(Buffer.alloc(1))])

export const signatureAlgorithms: Buffer = extension(13, prefixed16(uint16(0x0403), uint16(0x0804)))

/** What TLS 1.3 needs, without ALPN. */
export function neededExtensions(): readonly Buffer[] {
  return [supportedVersions(0x0304), supportedGroups(0x001d), signatureAlgorithms, keyShare()]
}

/** The handshake message, not yet in records. */
export function clientHello(options: HelloOptions = {}): Buffer {
  const { legacyVersion = 0x0303, ciphers = [0x1301, 0x1302], compressions = [0] } = options
  const extensions = options.extensions ?? [...neededExtensions(), alpn('h2')]
  const body = Buffer.concat([
    uint16(legacyVersion),
    randomBytes(32),
    prefixed8(randomBytes(32)),
    prefixed16(...ciphers.map(uint16)),
    prefixed8(Buffer.from(compressions)),
    prefixed16(...extensions),
  ])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  length[0] = 1
  return Buffer.concat([length, body])
}

/** As records of at most `pieceBytes`. */
export function records(
  message: Buffer,
  options: { readonly pieceBytes?: number; readonly type?: number; readonly version?: number } = {},
): Buffer {
  const { pieceBytes = 16_384, type = contentType.handshake, version = 0x0301 } = options
  const pieces: Buffer[] = []
  for (let at = 0; at < message.length; at += pieceBytes) {
    const piece = message.subarray(at, at + pieceBytes)
    pieces.push(Buffer.of(type), uint16(version), uint16(piece.length), piece)
  }
  return Buffer.concat(pieces)
}

/** The extensions that a ServerHello has, by type; undefined if these bytes begin with no ServerHello. */
export function serverHelloExtensions(bytes: Buffer): readonly number[] | undefined {
  if (bytes[0] !== contentType.handshake || bytes[5] !== 2) return undefined
  let at = 5 + 4 + 2 + 32
  at += 1 + bytes.readUInt8(at) + 2 + 1
  const end = at + 2 + bytes.readUInt16BE(at)
  const types: number[] = []
  for (at += 2; at < end; at += 4 + bytes.readUInt16BE(at + 2)) types.push(bytes.readUInt16BE(at))
  return types
}
