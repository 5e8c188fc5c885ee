/** Types of RFC 8446 §5.1 and §4. */
const handshakeRecord = 22
const clientHelloMessage = 1
const recordHeadBytes = 5
const messageHeadBytes = 4
/** A record's payload, as it may be before encryption. @see RFC 8446 §5.1 */
const maxRecordBytes = 16_384

/**
 * Whether `bytes`, the first of a connection, hold a whole ClientHello: `bad` is what no TLS client sends. Only
 * lengths are looked at; what is in it is OpenSSL's to judge. It may be spread over several records.
 */
export function clientHelloState(bytes: Uint8Array): 'more' | 'complete' | 'bad' {
  const head: number[] = []
  let payloadBytes = 0
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== handshakeRecord) return 'bad'
    if (at + recordHeadBytes > bytes.length) return 'more'
    const length = (bytes[at + 3] ?? 0) * 256 + (bytes[at + 4] ?? 0)
    if (length === 0 || length > maxRecordBytes) return 'bad'
    at += recordHeadBytes
    const end = Math.min(at + length, bytes.length)
    for (let from = at; from < end && head.length < messageHeadBytes; from++) head.push(bytes[from] ?? 0)
    if (head.length > 0 && head[0] !== clientHelloMessage) return 'bad'
    payloadBytes += end - at
    if (head.length === messageHeadBytes && payloadBytes >= messageBytes(head)) return 'complete'
    at += length
  }
  return 'more'
}

function messageBytes(head: readonly number[]): number {
  const [, high = 0, middle = 0, low = 0] = head
  return messageHeadBytes + high * 65_536 + middle * 256 + low
}
