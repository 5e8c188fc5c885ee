/** What a client hello says of the server that it is for; `more`: it is not all there. `other`: it is no client hello. */
export type HelloReading =
  | { readonly kind: 'hello'; /** Lower case; absent where it names none. */ readonly serverName?: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'more' }

const handshakeRecord = 22
const clientHello = 1
const recordHeaderBytes = 5
const handshakeHeaderBytes = 4
/** TLSPlaintext.length. @see RFC 8446 §5.1 */
const maxRecordBytes = 16_384
/** Real ones have a few kilobytes, post-quantum key shares included. */
const maxHelloBytes = 65_536
const serverNameExtension = 0
const hostName = 0
const other: HelloReading = { kind: 'other' }
const more: HelloReading = { kind: 'more' }

/** Reads as far as the name that a client asks for, and no further. @see RFC 8446 §4.1.2, RFC 6066 §3 */
export function readHello(bytes: Buffer): HelloReading {
  const handshake = handshakeIn(bytes)
  if (!Buffer.isBuffer(handshake)) return handshake
  if (handshake.length < handshakeHeaderBytes) return more
  if (handshake[0] !== clientHello) return other
  const length = handshake.readUIntBE(1, 3)
  if (length > maxHelloBytes) return other
  if (handshake.length < handshakeHeaderBytes + length) return more
  const body = new Reader(handshake.subarray(handshakeHeaderBytes, handshakeHeaderBytes + length))
  const serverName = serverNameOf(body)
  if (body.failed) return other
  return serverName === undefined ? { kind: 'hello' } : { kind: 'hello', serverName }
}

/** What the records so far hold of the handshake: a hello may be cut into several. */
function handshakeIn(bytes: Buffer): Buffer | HelloReading {
  const fragments: Buffer[] = []
  let at = 0
  while (bytes.length - at >= recordHeaderBytes) {
    const length = bytes.readUInt16BE(at + 3)
    if (bytes[at] !== handshakeRecord || bytes[at + 1] !== 3 || length === 0 || length > maxRecordBytes)
      return at === 0 ? other : Buffer.concat(fragments)
    const start = at + recordHeaderBytes
    fragments.push(bytes.subarray(start, Math.min(start + length, bytes.length)))
    at = start + length
    if (at > bytes.length) break
  }
  if (fragments.length === 0 && bytes.length > 0 && bytes[0] !== handshakeRecord) return other
  return Buffer.concat(fragments)
}

function serverNameOf(body: Reader): string | undefined {
  body.skip(2 + 32)
  body.skip(body.number(1))
  body.skip(body.number(2))
  body.skip(body.number(1))
  if (body.isEmpty) return undefined
  const extensions = body.part(body.number(2))
  while (!extensions.isEmpty && !extensions.failed) {
    const type = extensions.number(2)
    const content = extensions.part(extensions.number(2))
    if (type === serverNameExtension) return hostOf(content, body)
  }
  if (extensions.failed) body.fail()
  return undefined
}

function hostOf(content: Reader, body: Reader): string | undefined {
  const list = content.part(content.number(2))
  const type = list.number(1)
  const name = list.text(list.number(2)).toLowerCase()
  if (content.failed || list.failed || type !== hostName || !/^[a-z0-9_.-]{1,253}$/u.test(name)) {
    body.fail()
    return undefined
  }
  return name
}

/** Numbers and parts one after the other; what runs over the end fails, and reads as nothing. */
class Reader {
  readonly #bytes: Buffer
  #at: number = 0
  failed: boolean = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isEmpty(): boolean {
    return this.#at >= this.#bytes.length
  }

  fail(): void {
    this.failed = true
  }

  number(size: 1 | 2): number {
    return this.#take(size)?.readUIntBE(0, size) ?? 0
  }

  skip(length: number): void {
    this.#take(length)
  }

  text(length: number): string {
    return this.#take(length)?.toString('latin1') ?? ''
  }

  part(length: number): Reader {
    return new Reader(this.#take(length) ?? Buffer.alloc(0))
  }

  #take(length: number): Buffer | undefined {
    const end = this.#at + length
    if (end > this.#bytes.length) {
      this.failed = true
      return undefined
    }
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}
