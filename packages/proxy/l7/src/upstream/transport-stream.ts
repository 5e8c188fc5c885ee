import { Duplex } from 'node:stream'
import type { Http1Transport } from '@tulle/http1'
import type { LinkUser } from '../net/link-user.ts'

/** What carries bytes as Node's TLS wants it: a stream. Neither side is read faster than the other takes. */
export class TransportStream extends Duplex implements LinkUser {
  readonly #transport: Http1Transport
  #written: (() => void) | undefined

  constructor(transport: Http1Transport) {
    super({ decodeStrings: true })
    this.#transport = transport
  }

  receive(bytes: Buffer, start: number, end: number): boolean {
    // The buffer is the reader's own again after this call.
    if (!this.push(Buffer.from(bytes.subarray(start, end)))) this.#transport.pauseReading()
    return false
  }

  onTransportDrain(): void {
    const written = this.#written
    this.#written = undefined
    written?.()
  }

  onTransportEnd(): void {
    this.push(null)
  }

  onTransportClose(): void {
    this.destroy()
  }

  override _read(): void {
    this.#transport.resumeReading()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#transport.write(chunk, undefined)) done()
    else this.#written = done
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#transport.end()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#written = undefined
    this.#transport.destroy()
    done(error)
  }
}
