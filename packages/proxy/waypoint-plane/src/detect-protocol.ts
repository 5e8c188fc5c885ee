/** What a client speaks. */
export type Spoken = 'http1' | 'http2' | 'other'

const http2Preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
/** No method that is in use is longer. @see RFC 9110 §9, IANA HTTP Method Registry */
const maxMethodLength = 32
const space = 0x20

/** By its first bytes; undefined: they don't say yet. @see RFC 9113 §3.4, RFC 9112 §3 */
export function spokenIn(bytes: Buffer): Spoken | undefined {
  const compared = Math.min(bytes.length, http2Preface.length)
  if (bytes.compare(http2Preface, 0, compared, 0, compared) === 0)
    return compared === http2Preface.length ? 'http2' : undefined
  for (const [i, byte] of bytes.subarray(0, maxMethodLength + 1).entries()) {
    if (byte === space) return i === 0 ? 'other' : 'http1'
    if (!isMethodByte(byte)) return 'other'
  }
  return bytes.length > maxMethodLength ? 'other' : undefined
}

/** Methods of HTTP are capital letters, some with a dash. */
function isMethodByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d
}
