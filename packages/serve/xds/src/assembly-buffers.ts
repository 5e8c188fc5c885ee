const minBytes = 4096
/** What is kept for the next message; beyond it a buffer is left to the garbage collector. */
const maxFreeBytes = 64 << 20

const free: Map<number, Buffer[]> = new Map()
let freeBytes = 0

/**
 * A buffer of at least so many bytes, of a size that others have too. Large requests come by the hundred after a
 * restart: memory that is new for each of them would make the garbage collector look at all of the heap every few
 * of them, which takes longer than reading them.
 */
export function takeBuffer(bytes: number): Buffer {
  const size = Math.max(minBytes, 2 ** Math.ceil(Math.log2(bytes)))
  const buffer = free.get(size)?.pop()
  if (buffer === undefined) return Buffer.allocUnsafeSlow(size)
  freeBytes -= size
  return buffer
}

/** Nobody reads it any more. */
export function giveBuffer(buffer: Buffer): void {
  if (freeBytes + buffer.length > maxFreeBytes) return
  freeBytes += buffer.length
  const others = free.get(buffer.length)
  if (others === undefined) free.set(buffer.length, [buffer])
  else others.push(buffer)
}
