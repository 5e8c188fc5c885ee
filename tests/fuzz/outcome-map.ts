/** Bits of hashes: what two outcomes share by chance is one input fewer that is kept. */
const slots = 1 << 22

/** Which outcomes were seen, in memory that does not grow with the runs. */
export class OutcomeMap {
  readonly #bits: Uint8Array = new Uint8Array(slots / 8)
  #count: number = 0

  get count(): number {
    return this.#count
  }

  /** Whether it is a new one. */
  add(outcome: string): boolean {
    const slot = hashOf(outcome) % slots
    const bit = 1 << (slot & 7)
    const byte = this.#bits[slot >> 3] ?? 0
    if ((byte & bit) !== 0) return false
    this.#bits[slot >> 3] = byte | bit
    this.#count++
    return true
  }
}

/** FNV-1a, with its bits mixed once more so that the lower ones depend on all. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
