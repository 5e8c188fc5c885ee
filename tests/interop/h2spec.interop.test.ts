/**
 * The HTTP/2 engine, and the waypoint made of it, against h2spec. h2spec is built by Go on first use, into the user's
 * cache folder; without Go and without a built h2spec this fails.
 */
import { equal, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer as createBackend } from 'node:http'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import { homedir } from 'node:os'
import path from 'node:path'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import { createHttp2Session } from '@tulle/http2'
import type { Http2Settings, Http2Stream, StreamHandler } from '@tulle/http2'
import { startLoneWaypoint } from '../support/lone-waypoint.ts'

// Tags from 2.3 on cannot be had as a Go module: their go.mod lacks the /v2.
const h2specModule = 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible'
const cache = path.join(homedir(), '.cache', 'tulle-tools')
const h2spec = path.join(cache, 'bin', 'h2spec')
const run = promisify(execFile)

/** What is fetched and compiled takes as long as the network and the machine make it. */
before(buildH2spec, { timeout: 600_000 })

async function buildH2spec(): Promise<void> {
  if (existsSync(h2spec)) return
  const env = {
    ...process.env,
    PATH: `${process.env['PATH'] ?? ''}:/usr/local/go/bin`,
    GOBIN: path.join(cache, 'bin'),
    GOPATH: path.join(cache, 'go'),
  }
  await run('go', ['install', h2specModule], { env })
}

/** Answers every request with five bytes, as the windows let it. */
function hello(stream: Http2Stream): StreamHandler {
  const body = Buffer.from('hello')
  let sent = 0
  const send = (): void => {
    const piece = Math.min(stream.sendable, body.length - sent)
    if (piece > 0) stream.sendCopy(body, sent, sent + piece)
    sent += piece
    if (sent === body.length) stream.end()
  }
  return {
    onHeaders: () => undefined,
    onData(_bytes, start, end) {
      stream.consumed(end - start)
      return false
    },
    onEnd() {
      stream.sendHeaders([':status', '200', 'content-length', '5'], false)
      send()
    },
    onReset: () => undefined,
    onWritable: send,
  }
}

async function serve(settings: Partial<Http2Settings>): Promise<net.Server> {
  const server = net.createServer((socket) => {
    const session = createHttp2Session({
      role: 'server',
      settings,
      transport: {
        write: (bytes, done) => socket.write(bytes, done),
        end: () => void socket.end(),
        destroy: () => void socket.destroy(),
      },
      onStream: hello,
      onClose: () => undefined,
    })
    socket.on('data', (bytes: Buffer) => session.receive(bytes, 0, bytes.length))
    socket.on('drain', () => session.onTransportDrain())
    socket.on('close', () => session.onTransportClose())
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** What h2spec found wrong; fails where it did not run whole. */
async function expectClean(args: readonly string[]): Promise<void> {
  const all = ['--strict', '--timeout', '20', ...args]
  const result = await run(h2spec, all).catch((error: unknown) => error as { stdout: string })
  const summary = /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(result.stdout)
  const [, tests = '', passed = '', skipped = '', failed = ''] = summary ?? []
  const failures = result.stdout.slice(result.stdout.indexOf('Failures:'))
  equal(`${skipped} skipped, ${failed} failed`, '0 skipped, 0 failed', failures)
  equal(passed, tests)
  ok(Number(tests) >= 146, `h2spec ran only ${tests} tests`)
}

test('case 20: h2spec, strict, passes whole against the HTTP/2 engine', async () => {
  // h2spec fills frames up to our limit without regard to windows, and its longest header block is of 16 KiB.
  const server = await serve({ maxFrameBytes: 16_384 })
  try {
    const { port } = server.address() as AddressInfo
    await expectClean(['--host', '127.0.0.1', '--port', String(port)])
  } finally {
    server.close()
  }
})

test('h2spec, strict, passes whole against tulle waypoint, in the clear and over TLS', async () => {
  const backend = createBackend((request, response) => {
    request.resume()
    request.on('end', () => response.end('hello'))
  })
  backend.listen(0, '127.0.0.1')
  await once(backend, 'listening')
  const waypoint = await startLoneWaypoint((backend.address() as AddressInfo).port)
  try {
    const { clear, secure } = waypoint
    await expectClean(['--host', '127.0.0.1', '--port', String(clear)])
    await expectClean(['--host', '127.0.0.1', '--port', String(secure), '--tls', '--insecure'])
  } finally {
    await waypoint.stop()
    backend.closeAllConnections()
    backend.close()
  }
})
