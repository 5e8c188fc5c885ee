/** As a socket's buffer would be: what was given before is overwritten. */
const recycled = Buffer.alloc(8192)

/** Gives the input out in pieces of so many bytes. */
export function givePieces(
  input: Uint8Array,
  pieceBytes: number,
  give: (bytes: Buffer, length: number) => void,
): void {
  const size = Math.max(1, Math.min(pieceBytes, input.length, recycled.length))
  // Of its own length, so that who reads past the end of a piece is found.
  const buffer = recycled.subarray(0, size)
  for (let at = 0; at < input.length; at += size) {
    const length = Math.min(size, input.length - at)
    // Views are dearer than the few bytes of most pieces.
    if (length > 64) buffer.set(input.subarray(at, at + length))
    else for (let i = 0; i < length; i++) buffer[i] = input[at + i] ?? 0
    give(buffer, length)
  }
}
