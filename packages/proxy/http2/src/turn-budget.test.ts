import { deepEqual, equal, ok } from 'node:assert/strict'
import { stat } from 'node:fs'
import { test } from 'node:test'
import { flushAfter, TestClock } from '@tulle/core'
import type { HeaderList } from './session-types.ts'
import { createHttp2Session } from './session.ts'
import {
  block,
  emptySettings,
  frameBytes,
  preface,
  RecordingHandler,
  RecordingTransport,
  turns,
} from './test-support.ts'

class PausableTransport extends RecordingTransport {
  isPaused = false

  pauseReading(): void {
    this.isPaused = true
  }

  resumeReading(): void {
    this.isPaused = false
  }
}

/** A server that answers at once, with what it was asked. */
function answeringServer(maxHeaderBytesPerTurn: number): {
  readonly transport: PausableTransport
  readonly paths: string[]
  send(bytes: Buffer): void
} {
  const transport = new PausableTransport()
  const paths: string[] = []
  const session = createHttp2Session({
    role: 'server',
    transport,
    clock: new TestClock(),
    keepalive: false,
    limits: { maxHeaderBytesPerTurn },
    onStream: (stream, headers) => {
      paths.push(headers[headers.indexOf(':path') + 1] ?? '')
      stream.sendHeaders([':status', '404'], true)
      return new RecordingHandler()
    },
    onClose: () => undefined,
  })
  const send = (bytes: Buffer): void => {
    session.receive(bytes, 0, bytes.length)
    // The buffer is its owner's again.
    bytes.fill(0)
  }
  send(Buffer.concat([preface, emptySettings]))
  return { transport, paths, send }
}

/** Requests of streams in turn, in one piece. */
function requests(from: number, count: number, more: HeaderList = []): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      const headers = [':method', 'GET', ':scheme', 'http', ':path', `/${from + i}`, ...more]
      return frameBytes({ type: 1, flags: 5, streamId: 2 * (from + i) + 1, payload: block(headers) })
    }),
  )
}

test('case 17: of thousands of requests in one read, one turn handles no more than its share', async () => {
  const { transport, paths, send } = answeringServer(10_000)
  await new Promise<void>((resolve) => {
    // Where the event loop tells of input, up to the end of the same turn.
    stat('.', () => {
      flushAfter(() => send(requests(0, 2000)))
      setImmediate(resolve)
    })
  })
  const first = paths.length
  ok(first > 5 && first < 20, `${first} in the first turn`)
  equal(transport.isPaused, true)
  // One more read that was under way.
  send(requests(2000, 1))
  equal(paths.length, first)
  for (let count = first; count < 2001; count = paths.length) {
    await turns(1)
    ok(paths.length > count && paths.length <= count + 20, `${count}, then ${paths.length}`)
  }
  deepEqual(
    paths,
    Array.from({ length: 2001 }, (_, i) => `/${i}`),
  )
  await turns(1)
  equal(transport.isPaused, false)
})

test('case 17: a request whose fields are many has more of the turn', async () => {
  const { paths, send } = answeringServer(100_000)
  const crumbs = Array.from({ length: 1000 }, () => ['cookie', 'a=b']).flat()
  send(requests(0, 20, crumbs))
  ok(paths.length < 5, `${paths.length} in the first turn`)
  await turns(20)
  equal(paths.length, 20)
})

test('what comes within its share waits for nothing, turn after turn', async () => {
  const { transport, paths, send } = answeringServer(10_000)
  for (let from = 0; from < 100; from += 5) {
    send(requests(from, 5))
    deepEqual([paths.length, transport.isPaused], [from + 5, false])
    await turns(1)
  }
})
