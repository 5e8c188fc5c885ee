/**
 * Micro-bench of the codec alone, both sides of a proxy in one thread, no sockets. `--smoke` runs it for a moment, to see that it
 * works. Figures mean something only beside others of the same run.
 */
import { systemClock } from '@tulle/core'

import { createHttp1Client } from './client.ts'
import type { Http1Client } from './client.ts'
import type { ClientExchange, Http1Transport, ServerExchange } from './exchange.ts'
import { createHttp1Server } from './server.ts'

const request = Buffer.from(
  'GET /api/books/17?lang=en HTTP/1.1\r\nHost: books.bookstore\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n' +
    'Accept-Encoding: gzip, br\r\nX-Request-Id: 0123456789abcdef\r\nCookie: session=0123456789abcdef\r\n\r\n',
)
const answerHead =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 32\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n' +
  'Server: bench\r\nConnection: keep-alive\r\n\r\n'
const smallAnswer = Buffer.from(answerHead + 'x'.repeat(32))
const piece = Buffer.alloc(64 * 1024, 0x78)
const largeHead = Buffer.from(answerHead.replace('32', String(16 * piece.length)))

class CountingTransport implements Http1Transport {
  bytes = 0

  write(bytes: Uint8Array, done: (() => void) | undefined): boolean {
    this.bytes += bytes.length
    done?.()
    return true
  }

  end(): void {}
  destroy(): void {}
  pauseReading(): void {}
  resumeReading(): void {}
}

/** A proxy's two halves: what comes in at the server's side leaves at the client's. */
class Pair {
  readonly down: CountingTransport = new CountingTransport()
  readonly up: CountingTransport = new CountingTransport()
  readonly client: Http1Client = createHttp1Client({ transport: this.up, clock: systemClock })
  answered = 0
  readonly server = createHttp1Server({
    transport: this.down,
    clock: systemClock,
    scheme: 'http',
    onRequest: (head, exchange, end) => {
      head.fields.set('x-request-id', 'fedcba9876543210')
      const upstream: ClientExchange = this.client.request(head, this.#answers(exchange), end)
      return {
        onData: (bytes, start, stop) => {
          upstream.sendCopy(bytes, start, stop)
          return false
        },
        onEnd: (trailers) => upstream.endWithTrailers(trailers),
        onReset: (code) => upstream.reset(code),
        onWritable: () => {},
      }
    },
  })

  #answers(exchange: ServerExchange) {
    return {
      onInform: () => {},
      onResponse: (head: Parameters<ServerExchange['respond']>[0], end: boolean) =>
        exchange.respond(head, end),
      onData: (bytes: Buffer, start: number, end: number) => {
        exchange.sendCopy(bytes, start, end)
        return false
      },
      onEnd: () => {
        exchange.endWithTrailers()
        this.answered++
      },
      onReset: () => {},
      onWritable: () => {},
    }
  }
}

/** Counts, not seconds: the compiler has to have seen enough, however busy the machine is. */
async function measure(
  name: string,
  count: number,
  perTurn: number,
  each: (pair: Pair) => void,
): Promise<void> {
  const pairs = Array.from({ length: perTurn }, () => new Pair())
  const run = async (times: number): Promise<number> => {
    const before = process.cpuUsage()
    for (let done = 0; done < times; done += perTurn) {
      for (const pair of pairs) each(pair)
      await new Promise(setImmediate)
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / times
  }
  await run(count / 2)
  const microseconds = await run(count)
  process.stdout.write(`${name}: ${microseconds.toFixed(2)} us of CPU, ${count} times\n`)
}

const scale = process.argv.includes('--smoke') ? 0.01 : 1

await measure('request and small answer', 200_000 * scale, 32, (pair) => {
  pair.server.receive(request, 0, request.length)
  pair.client.receive(smallAnswer, 0, smallAnswer.length)
})
await measure('request and answer of 1 MiB', 4000 * scale, 1, (pair) => {
  pair.server.receive(request, 0, request.length)
  pair.client.receive(largeHead, 0, largeHead.length)
  for (let i = 0; i < 16; i++) pair.client.receive(piece, 0, piece.length)
})
