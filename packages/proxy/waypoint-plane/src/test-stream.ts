import type { HeaderList, Http2Stream } from '@tulle/http2'
import type { LinkUser } from './stream-link.ts'

/** A stream that takes `window` bytes, and remembers what was done with it. */
export class TestStream implements Http2Stream {
  readonly id: number = 1
  window: number
  sent: string = ''
  credit: number = 0
  ended: boolean = false
  resetWith: number | undefined
  onSend: () => void = () => undefined

  constructor(window: number = 1000) {
    this.window = window
  }

  get sendable(): number {
    return this.window
  }

  sendHeaders(_headers: HeaderList): void {}

  sendCopy(bytes: Uint8Array, start: number, end: number): boolean {
    this.sent += Buffer.from(bytes.subarray(start, end)).toString()
    this.window -= end - start
    this.onSend()
    return this.window > 0
  }

  sendSlab(): boolean {
    throw new Error('links send copies')
  }

  end(): void {
    this.ended = true
  }

  reset(code: number): void {
    this.resetWith = code
  }

  consumed(bytes: number): void {
    this.credit += bytes
  }
}

/** A codec that takes all it is given, and remembers it. */
export class TestUser implements LinkUser {
  text: string = ''
  drains: number = 0
  ends: number = 0
  closes: number = 0

  receive(bytes: Buffer, start: number, end: number): boolean {
    this.text += bytes.toString('utf8', start, end)
    return false
  }

  onTransportDrain(): void {
    this.drains++
  }

  onTransportEnd(): void {
    this.ends++
  }

  onTransportClose(): void {
    this.closes++
  }
}
