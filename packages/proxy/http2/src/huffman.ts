/**
 * The Huffman code of HPACK (RFC 7541 Appendix B). It is canonical: the codes follow from their lengths, shorter ones first,
 * symbols in order within a length. So only the lengths stand here, `28*7` being seven symbols of 28 bits; a line each for 0x00, 0x20,
 * '0', 'A', 'a', 0x80, 0xa0, 0xc0, 0xe0 and the end of string. The appendix C vectors and nghttp2 prove them.
 */
const lengthRuns = `
  13 23 28*7 24 30 28*2 30 28*8 30 28*9
  6 10*2 12 13 6 8 11 10*2 8 11 8 6*3
  5*3 6*7 7 8 15 6 12 10 13
  6 7*22 8 7 8 13 19 13 14 6 15
  5 6 5 6 5 6*3 5 7*2 6*3 5 6 7 6 5*2 6 7*5 15 11 14 13 28
  20 22 20*2 22*3 23 22 23*5 24 23 24*2 22 23 24 23*4 21 22 23 22 23*2 24
  22 21 20 22*2 23*2 21 23 22*2 24 21 22 23*2 21*2 22 21 23 22 23*2 20 22*3 23 22*2 23
  26*2 20 19 22 23 22 25 26*3 27*2 26 24 25 19 21 26 27*2 26 27 24 21*2 26*2 28 27*3
  20 24 20 21 22 21*2 23 22*2 25*2 24*2 26 23 26 27 26*2 27*5 28 27*5 26
  30`

const endOfString = 256
const symbolCount = 257

const codeBits = new Uint8Array(symbolCount)
const codes = new Uint32Array(symbolCount)

/**
 * Decoding goes four bits a step: `steps[node * 16 + nibble]` is the next node, a symbol that came out, and flags. The code has
 * 256 inner nodes, so a node fits in a byte; no code is shorter than five bits, so a nibble ends at most one symbol.
 */
const steps = new Uint32Array(256 * 16)
const emitFlag = 0x1_0000
const failFlag = 0x2_0000
/** For each node: padding may end here, because it was reached by fewer than eight ones (RFC 7541 §5.2). */
const mayEnd = new Uint8Array(256)

build()

/** Bytes that `text` (Latin-1) takes when coded. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += codeBits[text.charCodeAt(i) & 0xff] ?? 0
  return (bits + 7) >>> 3
}

/** Writes `text` (Latin-1) coded at `at`; `huffmanLength(text)` bytes must be free. Returns the offset behind. */
export function huffmanEncode(text: string, out: Buffer, at: number): number {
  let pending = 0
  let pendingBits = 0
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff
    const bits = codeBits[symbol] ?? 0
    // At most 7 bits wait, and codes have up to 30: beyond 32 bits, hence arithmetic and not shifts.
    pending = pending * 2 ** bits + (codes[symbol] ?? 0)
    pendingBits += bits
    while (pendingBits >= 8) {
      pendingBits -= 8
      const unit = 2 ** pendingBits
      const byte = Math.floor(pending / unit)
      out[at++] = byte
      pending -= byte * unit
    }
  }
  if (pendingBits > 0) out[at++] = (pending << (8 - pendingBits)) | (0xff >>> pendingBits)
  return at
}

/**
 * Decodes `bytes[start, end)` into `out` from 0; `out` must have room for 8/5 of the input. Returns the length, or -1 where the
 * code is broken: end-of-string inside, or padding that is too long or not all ones (RFC 7541 §5.2).
 */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, out: Buffer): number {
  let node = 0
  let length = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    const high = steps[(node << 4) | (byte >>> 4)] ?? failFlag
    if ((high & emitFlag) !== 0) out[length++] = high >>> 8
    const low = steps[((high & 0xff) << 4) | (byte & 0xf)] ?? failFlag
    if ((low & emitFlag) !== 0) out[length++] = low >>> 8
    if (((high | low) & failFlag) !== 0) return -1
    node = low & 0xff
  }
  return mayEnd[node] === 1 ? length : -1
}

function build(): void {
  let symbol = 0
  for (const run of lengthRuns.trim().split(/\s+/)) {
    const [bits = 0, symbols = 1] = run.split('*').map(Number)
    codeBits.fill(bits, symbol, symbol + symbols)
    symbol += symbols
  }
  assignCodes()
  buildSteps(buildTree())
}

function assignCodes(): void {
  let next = 0
  for (let bits = 1; bits <= 30; bits++) {
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      if (codeBits[symbol] === bits) codes[symbol] = next++
    }
    next *= 2
  }
}

/** Children of inner nodes: another inner node, or `~symbol`. Node 0 is the root. */
function buildTree(): Int32Array {
  const children = new Int32Array(256 * 2)
  let nodes = 1
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    let node = 0
    for (let bit = (codeBits[symbol] ?? 0) - 1; bit > 0; bit--) {
      const slot = node * 2 + (((codes[symbol] ?? 0) >>> bit) & 1)
      if (children[slot] === 0) children[slot] = nodes++
      node = children[slot] ?? 0
    }
    children[node * 2 + ((codes[symbol] ?? 0) & 1)] = ~symbol
  }
  return children
}

function buildSteps(children: Int32Array): void {
  for (let node = 0; node < 256; node++) {
    for (let nibble = 0; nibble < 16; nibble++) steps[node * 16 + nibble] = step(children, node, nibble)
  }
  for (let node = 0, ones = 0; ones < 8; ones++) {
    mayEnd[node] = 1
    node = children[node * 2 + 1] ?? 0
  }
}

function step(children: Int32Array, from: number, nibble: number): number {
  let node = from
  let emitted = 0
  for (let bit = 3; bit >= 0; bit--) {
    const child = children[node * 2 + ((nibble >>> bit) & 1)] ?? 0
    if (child >= 0) {
      node = child
    } else {
      if (~child === endOfString) return failFlag
      emitted = emitFlag | (~child << 8)
      node = 0
    }
  }
  return emitted | node
}
