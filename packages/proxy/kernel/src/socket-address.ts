/** The C structs sockaddr_in, sockaddr_in6 and sockaddr_un. */
import { isIP, isIPv4 } from 'node:net'
import { endianness } from 'node:os'
import { kernelProtocolError } from './errors.ts'
import { AF_INET, AF_INET6, AF_UNIX } from './linux.ts'

export interface SocketAddress {
  /** Canonical text of an IPv4 or IPv6 address; never an IPv4-mapped one. */
  readonly address: string
  readonly port: number
}

// Every struct is written little-endian; the two architectures we ship for are.
if (endianness() !== 'LE') throw kernelProtocolError('a little-endian machine is needed')

/** The bytes of an IP address in network order: 4 or 16. Throws for what is no IP address (zones are none). */
export function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number)
  if (isIP(address) === 0 || address.includes('%')) {
    throw kernelProtocolError(`expected an IP address, found ${JSON.stringify(address)}`)
  }
  const bytes = new Uint8Array(16)
  const [head = '', tail] = hextets(address).split('::')
  writeHextets(bytes, 0, head)
  if (tail !== undefined) writeHextets(bytes, 16 - 2 * countHextets(tail), tail)
  return bytes
}

/** Text of 4 or 16 bytes, in RFC 5952 form; an IPv4-mapped address becomes the IPv4 address it is. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (isMapped(bytes)) return bytes.subarray(12).join('.')
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16))
  const run = longestZeroRun(groups)
  if (run.length < 2) return groups.join(':')
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`
}

export function encodeSocketAddress(address: string, port: number): Buffer {
  const bytes = addressBytes(address)
  const struct = Buffer.alloc(bytes.length === 4 ? 16 : 28)
  struct.writeUInt16LE(bytes.length === 4 ? AF_INET : AF_INET6, 0)
  struct.writeUInt16BE(port, 2)
  struct.set(bytes, bytes.length === 4 ? 4 : 8)
  return struct
}

/** undefined for families other than IPv4 and IPv6. */
export function decodeSocketAddress(struct: Uint8Array): SocketAddress | undefined {
  const view = Buffer.from(struct.buffer, struct.byteOffset, struct.byteLength)
  if (view.length < 16) return undefined
  const family = view.readUInt16LE(0)
  const port = view.readUInt16BE(2)
  if (family === AF_INET) return { address: addressText(view.subarray(4, 8)), port }
  if (family === AF_INET6 && view.length >= 24) return { address: addressText(view.subarray(8, 24)), port }
  return undefined
}

/** A unix socket's address; its path must fit the struct's 108 bytes with a final NUL. */
export function encodeUnixAddress(path: string): Buffer {
  const bytes = Buffer.from(path)
  if (bytes.length === 0 || bytes.length > 107 || bytes.includes(0)) {
    throw kernelProtocolError(`expected a socket path of 1–107 bytes, found ${bytes.length}: ${path}`)
  }
  const struct = Buffer.alloc(2 + bytes.length + 1)
  struct.writeUInt16LE(AF_UNIX, 0)
  struct.set(bytes, 2)
  return struct
}

/** Writes a dotted tail such as ::ffff:1.2.3.4 as hextets. */
function hextets(address: string): string {
  const colon = address.lastIndexOf(':')
  const tail = address.slice(colon + 1)
  if (!tail.includes('.')) return address
  const [a = 0, b = 0, c = 0, d = 0] = tail.split('.').map(Number)
  return `${address.slice(0, colon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

function countHextets(text: string): number {
  return text === '' ? 0 : text.split(':').length
}

function writeHextets(bytes: Uint8Array, offset: number, text: string): void {
  if (text === '') return
  for (const [i, group] of text.split(':').entries()) {
    const value = Number.parseInt(group, 16)
    bytes[offset + 2 * i] = value >> 8
    bytes[offset + 2 * i + 1] = value & 0xff
  }
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === '0') continue
    if (i - start > best.length) best = { start, length: i - start }
    start = i + 1
  }
  return best
}
