/**
 * Micro-bench of the engine alone, two sessions joined in memory, both ends in one thread: no TLS, no sockets. `--smoke` runs it
 * for a moment, to see that it works. Figures mean something only beside others of the same run.
 */
import { systemClock } from '@tulle/core'
import type { Http2Session, Http2SessionOptions } from './session-options.ts'
import type { Http2Stream, StreamHandler } from './session-types.ts'
import { slabClassBytes, SlabPool } from './slab-pool.ts'
import { memoryPair, MemoryTransport } from './test-support.ts'

const durationMs = process.argv.includes('--smoke') ? 30 : 2000
const connect = [':method', 'CONNECT', ':authority', '10.0.0.1:80', 'baggage', 'k8s.namespace.name=shop']
const message = Buffer.alloc(200, 0x61)
const slabs = new SlabPool()

/** What a bench counts, until its time is up. */
class Meter {
  count = 0
  readonly #startMs = systemClock.monotonicMs()
  readonly #startCpu = process.cpuUsage()
  #checks = 0
  over = false

  add(amount: number): void {
    this.count += amount
    // The clock is not free.
    if ((this.#checks++ & 63) === 0) this.over ||= systemClock.monotonicMs() - this.#startMs >= durationMs
  }

  report(name: string, unit: string, scale: number = 1): void {
    const seconds = (systemClock.monotonicMs() - this.#startMs) / 1000
    const { user, system } = process.cpuUsage(this.#startCpu)
    const rate = this.count / seconds / scale
    const each = (user + system) / (this.count / scale)
    const shown = rate.toFixed(rate < 100 ? 2 : 0).padStart(9)
    process.stdout.write(
      `${name.padEnd(44)} ${shown} ${unit}/s ${each.toFixed(3).padStart(9)} us CPU/${unit}\n`,
    )
  }
}

function pair(onStream: NonNullable<Http2SessionOptions['onStream']>): { client: Http2Session; end(): void } {
  const { client, server } = memoryPair({ onStream }, [new MemoryTransport(), new MemoryTransport()])
  return {
    client,
    end() {
      client.destroy()
      server.destroy()
    },
  }
}

/** Returns what it gets. */
class Echo implements StreamHandler {
  readonly stream: Http2Stream

  constructor(stream: Http2Stream) {
    this.stream = stream
  }

  onHeaders(): void {}

  onData(bytes: Buffer, start: number, end: number): boolean {
    this.stream.sendCopy(bytes, start, end)
    this.stream.consumed(end - start)
    return false
  }

  onEnd(): void {
    this.stream.end()
  }

  onReset(): void {}

  onWritable(): void {}
}

class Caller implements StreamHandler {
  stream: Http2Stream | undefined
  readonly #meter: Meter
  readonly #done: () => void
  #got = 0

  constructor(meter: Meter, done: () => void) {
    this.#meter = meter
    this.#done = done
  }

  call(): void {
    this.stream?.sendCopy(message, 0, message.length)
  }

  onHeaders(): void {}

  onData(_bytes: Buffer, start: number, end: number): boolean {
    this.stream?.consumed(end - start)
    this.#got += end - start
    if (this.#got < message.length) return false
    this.#got = 0
    this.#meter.add(1)
    if (this.#meter.over) this.#done()
    else this.call()
    return false
  }

  onEnd(): void {}

  onReset(): void {}

  onWritable(): void {}
}

/** Requests and answers of 200 bytes on 32 streams, one under way on each. */
async function echoes(): Promise<void> {
  const { client, end } = pair((stream) => {
    stream.sendHeaders([':status', '200'], false)
    return new Echo(stream)
  })
  const meter = new Meter()
  await new Promise<void>((resolve) => {
    for (let i = 0; i < 32; i++) {
      const caller = new Caller(meter, resolve)
      caller.stream = client.open(connect, caller)
      caller.call()
    }
  })
  end()
  meter.report('echo of 200 bytes, 32 streams', 'echo')
}

/** A stream per request, as with a new connection each: HEADERS, DATA, END_STREAM and back. */
async function shortStreams(): Promise<void> {
  const { client, end } = pair((stream) => {
    stream.sendHeaders([':status', '200'], false)
    return new Echo(stream)
  })
  const meter = new Meter()
  await new Promise<void>((resolve) => {
    const open = (): void => {
      const caller = new Caller(meter, resolve)
      caller.onEnd = () => (meter.over ? resolve() : open())
      caller.call = () => caller.stream?.end()
      caller.stream = client.open(connect, caller)
      caller.stream?.sendCopy(message, 0, message.length)
    }
    for (let i = 0; i < 32; i++) open()
  })
  end()
  meter.report('stream per echo of 200 bytes, 32 at once', 'stream')
}

class Sink implements StreamHandler {
  readonly #stream: Http2Stream
  readonly #meter: Meter
  readonly #done: () => void

  constructor(stream: Http2Stream, meter: Meter, done: () => void) {
    this.#stream = stream
    this.#meter = meter
    this.#done = done
  }

  onHeaders(): void {}

  onData(_bytes: Buffer, start: number, end: number): boolean {
    this.#stream.consumed(end - start)
    this.#meter.add(end - start)
    if (this.#meter.over) this.#done()
    return false
  }

  onEnd(): void {}

  onReset(): void {}

  onWritable(): void {}
}

/** Sends without end, by slabs of `bytes` or by copies of them, and less where the windows leave less. */
class Pump implements StreamHandler {
  stream: Http2Stream | undefined
  readonly #meter: Meter
  readonly #bytes: number
  readonly #bySlab: boolean
  readonly #source: Buffer

  constructor(meter: Meter, bytes: number, bySlab: boolean) {
    this.#meter = meter
    this.#bytes = bytes
    this.#bySlab = bySlab
    this.#source = slabs.take(bytes)
  }

  onWritable(): void {
    const { stream } = this
    if (stream === undefined) return
    for (let room = stream.sendable; room > 0 && !this.#meter.over; room = stream.sendable) {
      const bytes = Math.min(room, this.#bytes)
      if (!this.#bySlab) {
        stream.sendCopy(this.#source, 0, bytes)
      } else {
        const slab = slabs.take(bytes)
        stream.sendSlab(slab, bytes, () => slabs.give(slab))
      }
    }
  }

  onHeaders(): void {}

  onData(): boolean {
    return false
  }

  onEnd(): void {}

  onReset(): void {}
}

/** One stream as fast as it goes. */
async function bulk(bytes: number, bySlab: boolean): Promise<void> {
  const meter = new Meter()
  const { promise, resolve } = Promise.withResolvers<void>()
  const { client, end } = pair((stream) => new Sink(stream, meter, resolve))
  const pump = new Pump(meter, bytes, bySlab)
  pump.stream = client.open(connect, pump)
  // The peer's SETTINGS, and with them its frame size, take a turn.
  setImmediate(() => setImmediate(() => pump.onWritable()))
  await promise
  end()
  meter.report(`bulk by ${bySlab ? 'slab' : 'copy'}, ${Math.ceil(bytes / 1024)} KiB`, 'MiB', 1024 * 1024)
}

await echoes()
await shortStreams()
await bulk(4096, false)
await bulk(16_384, false)
await bulk(slabClassBytes[1], true)
await bulk(slabClassBytes[2], true)
