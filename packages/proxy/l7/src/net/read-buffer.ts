const landingBytes = 65_536

/**
 * The buffer that all quiet connections of a thread read into: a read fills it and is handled within the same call, so that an
 * idle connection owns none. Should somebody keep a reference to it, the next read finds a new one.
 */
export class ReadBuffer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(landingBytes)

  get bytes(): Buffer {
    return this.#bytes
  }

  /** The bytes are still in use. */
  replace(): void {
    this.#bytes = Buffer.allocUnsafeSlow(landingBytes)
  }
}
