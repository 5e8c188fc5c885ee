/** The same with one copy of all bytes, which every thread reads where it is. */
export function shareBytes<T extends { readonly bytes: Uint8Array }>(parts: readonly T[]): readonly T[] {
  const total = parts.reduce((sum, part) => sum + part.bytes.length, 0)
  const memory = new Uint8Array(new SharedArrayBuffer(total))
  let start = 0
  return parts.map((part) => {
    const bytes = memory.subarray(start, start + part.bytes.length)
    bytes.set(part.bytes)
    start += part.bytes.length
    return { ...part, bytes }
  })
}
