/** Writers of DER, the one encoding of ASN.1 that signatures are made over. @see X.690 §10 */

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** `[number]` of a context: primitive unless it holds other elements. */
export function contextTag(number: number, constructed: boolean): number {
  return 0x80 | (constructed ? 0x20 : 0) | number
}

/** One element: tag, shortest length, the contents one after the other. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const content of contents) length += content.length
  const head = [tag, ...lengthBytes(length)]
  const bytes = new Uint8Array(head.length + length)
  bytes.set(head)
  let at = head.length
  for (const content of contents) {
    bytes.set(content, at)
    at += content.length
  }
  return bytes
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 0xff)
  return [0x80 | bytes.length, ...bytes]
}

export function sequence(...items: readonly Uint8Array[]): Uint8Array {
  return element(tags.sequence, ...items)
}

/** SET OF: DER wants the items in the order of their bytes. @see X.690 §11.6 */
export function setOf(...items: readonly Uint8Array[]): Uint8Array {
  return element(tags.set, ...items.toSorted((a, b) => Buffer.compare(a, b)))
}

/** A non-negative integer from its big-endian bytes, of any length. */
export function integer(magnitude: Uint8Array): Uint8Array {
  let start = 0
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++
  const bytes = magnitude.subarray(start)
  const first = bytes[0] ?? 0
  if (bytes.length === 0) return element(tags.integer, Uint8Array.of(0))
  return first >= 0x80 ? element(tags.integer, Uint8Array.of(0), bytes) : element(tags.integer, bytes)
}

export function smallInteger(value: number): Uint8Array {
  return integer(Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff))
}

export function boolean(value: boolean): Uint8Array {
  return element(tags.boolean, Uint8Array.of(value ? 0xff : 0))
}

export function octetString(content: Uint8Array): Uint8Array {
  return element(tags.octetString, content)
}

export function bitString(content: Uint8Array, unusedBits: number = 0): Uint8Array {
  return element(tags.bitString, Uint8Array.of(unusedBits), content)
}

/** A dotted object identifier such as `1.2.840.10045.4.3.2`. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(tags.oid, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)))
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift((rest & 0x7f) | 0x80)
  }
  return bytes
}

export function utf8String(text: string): Uint8Array {
  return element(tags.utf8String, Buffer.from(text, 'utf8'))
}

/** Up to 2049 as UTCTime, later as GeneralizedTime, whole seconds. @see RFC 5280 §4.1.2.5 */
export function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:T]/gu, '')
  const utc = ms < Date.UTC(2050, 0) && ms >= Date.UTC(1950, 0)
  return utc
    ? element(tags.utcTime, Buffer.from(`${digits.slice(2)}Z`, 'latin1'))
    : element(tags.generalizedTime, Buffer.from(`${digits}Z`, 'latin1'))
}
