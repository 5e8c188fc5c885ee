/** Length-prefixed messages. @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
const prefixBytes = 5

export function encodeMessage(text: string): Buffer {
  const bytes = Buffer.from(text)
  const prefix = Buffer.alloc(prefixBytes)
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}

/** The first message; what is cut off decodes as empty. */
export function decodeMessage(bytes: Buffer): Buffer {
  if (bytes.length < prefixBytes) return Buffer.alloc(0)
  return bytes.subarray(prefixBytes, prefixBytes + bytes.readUInt32BE(1))
}
