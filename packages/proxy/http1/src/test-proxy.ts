import type { Duplex } from 'node:stream'
import { TestClock } from '@tulle/core'

import { createHttp1Client } from './client.ts'
import type { Http1Client } from './client.ts'
import type {
  ClientExchange,
  Http1Connection,
  Http1Transport,
  Outgoing,
  RequestHead,
  ServerExchange,
  ServerHandler,
} from './exchange.ts'
import type { Fields } from './fields.ts'
import type { Http1Limits } from './limits.ts'
import { createHttp1Server } from './server.ts'

/** A stream of Node's as what carries a connection. */
export function transportOf(stream: Duplex): Http1Transport {
  return {
    write: (bytes, done) => stream.write(bytes, () => done?.()),
    end: () => void stream.end(),
    destroy: () => void stream.destroy(),
    pauseReading: () => void stream.pause(),
    resumeReading: () => void stream.resume(),
  }
}

export function follow(stream: Duplex, connection: Http1Connection): void {
  stream.on('data', (bytes: Buffer) => connection.receive(bytes, 0, bytes.length))
  stream.on('drain', () => connection.onTransportDrain())
  stream.on('end', () => connection.onTransportEnd())
  stream.on('error', () => undefined)
  stream.on('close', () => connection.onTransportClose())
}

/** One direction of an exchange: payload goes on, credit comes back when there is room. */
class Flow {
  to: Outgoing | undefined
  readonly #from: () => Outgoing | undefined
  #owed = 0
  /** Came before there was anywhere to send it. */
  readonly #early: Buffer[] = []
  #end: { readonly trailers: Fields | undefined } | undefined

  constructor(from: () => Outgoing | undefined) {
    this.#from = from
  }

  start(to: Outgoing): void {
    this.to = to
    for (const bytes of this.#early.splice(0)) this.#send(to, bytes, 0, bytes.length)
    if (this.#end !== undefined) to.endWithTrailers(this.#end.trailers)
  }

  data(bytes: Buffer, start: number, end: number): boolean {
    if (this.to === undefined) this.#early.push(Buffer.from(bytes.subarray(start, end)))
    else this.#send(this.to, bytes, start, end)
    return false
  }

  end(trailers: Fields | undefined): void {
    this.#end = { trailers }
    this.to?.endWithTrailers(trailers)
  }

  writable(): void {
    const owed = this.#owed
    this.#owed = 0
    this.#from()?.consumed(owed)
  }

  #send(to: Outgoing, bytes: Buffer, start: number, end: number): void {
    if (to.sendCopy(bytes, start, end)) this.#from()?.consumed(end - start)
    else this.#owed += end - start
  }
}

/** The least proxy: what comes from a client goes on to a server, over connections that are kept, and back. */
export class TestProxy {
  readonly clock: TestClock = new TestClock()
  readonly #limits: Partial<Http1Limits>
  readonly #dial: () => Duplex
  readonly #open: Set<Http1Client> = new Set()

  /** `dial` makes the near end of a stream to the server. */
  constructor(dial: () => Duplex, limits: Partial<Http1Limits> = {}) {
    this.#limits = limits
    this.#dial = dial
  }

  /** Connections to the server. */
  get open(): number {
    return this.#open.size
  }

  close(): void {
    for (const client of this.#open) client.destroy()
  }

  accept(stream: Duplex): Http1Connection {
    const connection = createHttp1Server({
      transport: transportOf(stream),
      clock: this.clock,
      scheme: 'http',
      limits: this.#limits,
      onRequest: (head, exchange, end) => this.#forward(head, exchange, end),
    })
    follow(stream, connection)
    return connection
  }

  #forward(head: RequestHead, exchange: ServerExchange, end: boolean): ServerHandler {
    let upstream: ClientExchange | undefined
    const up: Flow = new Flow(() => exchange)
    const down: Flow = new Flow(() => upstream)
    const sent = this.#idleClient().request(
      head,
      {
        onInform: (informational) => exchange.inform(informational),
        onResponse(answer) {
          exchange.respond(answer, false)
          down.start(exchange)
          // A tunnel opens both ways only now.
          if (answer.status === 101) up.start(sent)
        },
        onData: (bytes, start, stop) => down.data(bytes, start, stop),
        onEnd: (trailers) => down.end(trailers),
        onReset: (code) => exchange.reset(code),
        onWritable: () => up.writable(),
      },
      end,
    )
    upstream = sent
    if (head.protocol === undefined) up.start(sent)
    return {
      onData: (bytes, start, stop) => up.data(bytes, start, stop),
      onEnd: (trailers) => {
        if (!end) up.end(trailers)
      },
      onReset: (code) => sent.reset(code),
      onWritable: () => down.writable(),
    }
  }

  #idleClient(): Http1Client {
    for (const client of this.#open) if (client.isIdle) return client
    const stream = this.#dial()
    const client = createHttp1Client({
      transport: transportOf(stream),
      clock: this.clock,
      limits: this.#limits,
      onClose: (closed) => this.#open.delete(closed),
    })
    follow(stream, client)
    this.#open.add(client)
    return client
  }
}
