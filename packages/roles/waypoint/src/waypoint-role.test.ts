import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import type { IncomingHttpHeaders } from 'node:http2'
import { createServer as createBackend, get } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import { request as requestHttps } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { must, systemClock } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import { parseOptions, silentLog } from '@tulle/runtime'
import { certificatePem, createLeaf, createRoot, generateKeyPair, keyPem } from '@tulle/x509'
import { waypointOptions } from './options.ts'
import { runWaypoint } from './waypoint-role.ts'

/** An address of this test process alone, since listeners share ports. */
const ip = `127.${16 + ((process.pid >> 8) % 200)}.${process.pid & 255}.8`

interface Running extends AsyncDisposable {
  readonly root: string
  readonly http: number
  readonly https: number
  readonly metrics: number
  readonly accessLog: string
  stop(): Promise<void>
}

async function start(backendPort: number): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-waypoint-'))
  const [http = 0, https = 0, metrics = 0] = await Promise.all([ip, ip, '0.0.0.0'].map(freePort))
  const root = writeCertificate(folder)
  const rules = 'rules: [{ backends: [{ cluster: app }] }]'
  writeFileSync(
    join(folder, 'w.yaml'),
    `listeners:
  - { name: plain, address: ${ip}, port: ${http}, ${rules} }
  - { name: secure, address: ${ip}, port: ${https}, protocol: https, certificate: leaf.pem, key: key.pem, ${rules} }
clusters: [{ name: app, endpoints: [{ address: 127.0.0.1, port: ${backendPort} }] }]
`,
  )
  const accessLog = join(folder, 'access.log')
  const ports = ['--admin-port', '0', '--health-port', '0', '--metrics-port', `${metrics}`]
  const argv = ['--config', join(folder, 'w.yaml'), '--workers', '1', '--access-log', accessLog, ...ports]
  const options = must(parseOptions(waypointOptions, { argv, env: {} }))
  const stopping = new AbortController()
  const ready = Promise.withResolvers<void>()
  const log = { ...silentLog, info: (message: string) => message === 'waypoint runs' && ready.resolve() }
  const fail = (error: unknown): void => ready.reject(error as Error)
  const ended = runWaypoint(options, {
    clock: systemClock,
    log,
    stop: stopping.signal,
    requestStop: () => stopping.abort(),
    fail,
  })
  ended.catch(fail)
  await ready.promise
  const stop = async (): Promise<void> => {
    stopping.abort()
    await ended
  }
  return {
    root,
    http,
    https,
    metrics,
    accessLog,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function writeCertificate(folder: string): string {
  const nowMs = systemClock.nowMs()
  const [notBeforeMs, notAfterMs] = [nowMs - 3_600_000, nowMs + 3_600_000]
  const root = createRoot({ subject: { organization: 'test' }, notBeforeMs, notAfterMs })
  const { publicKey, privateKey } = generateKeyPair()
  const ipSans = [must(parseIpAddress(ip))]
  const leaf = createLeaf({ issuer: root, publicKey, notBeforeMs, notAfterMs, ipSans })
  writeFileSync(join(folder, 'leaf.pem'), certificatePem(leaf))
  writeFileSync(join(folder, 'key.pem'), keyPem(privateKey))
  return certificatePem(root.certificate)
}

/** Free on `host`, where it will be listened on: at any other address it may be taken. */
async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  // Listening on TCP.
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function backend(
  answer: (path: string, response: ServerResponse) => void,
): Promise<AsyncDisposable & { readonly port: number }> {
  const server: Server = createBackend((request, response) => answer(request.url ?? '', response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // Listening on TCP.
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const piece of stream) text += String(piece)
  return text
}

describe('tulle waypoint --config', () => {
  it('serves HTTP/1.1 and HTTP/2 over TLS by ALPN, counts and logs', async () => {
    await using app = await backend((path, response) => response.end(`got ${path}`))
    await using waypoint = await start(app.port)
    const asked = requestHttps({ host: ip, port: waypoint.https, path: '/one', ca: waypoint.root }).end()
    const [answer] = (await once(asked, 'response')) as [AsyncIterable<unknown>]
    assert.equal(await textOf(answer), 'got /one')
    asked.destroy()
    const session = connectHttp2(`https://${ip}:${waypoint.https}`, { ca: waypoint.root })
    const stream = session.request({ ':path': '/two' })
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }]
    assert.equal(head[':status'], 200)
    assert.equal(await textOf(stream), 'got /two')
    session.destroy()
    const scrape = get({ host: '127.0.0.1', port: waypoint.metrics, path: '/metrics' })
    const [metrics] = (await once(scrape, 'response')) as [AsyncIterable<unknown>]
    assert.match(
      await textOf(metrics),
      /istio_requests_total\{reporter="waypoint"[^}]*response_code="200"[^}]*\} 2/u,
    )
    scrape.destroy()
    await waypoint.stop()
    const logged = readFileSync(waypoint.accessLog, 'utf8').trimEnd().split('\n')
    const paths = logged.map((line) => (JSON.parse(line) as { readonly path: string }).path)
    assert.deepEqual(paths, ['/one', '/two'])
  })

  it('lets a request finish that runs when it is stopped, and takes no other', async () => {
    const held = Promise.withResolvers<ServerResponse>()
    await using app = await backend((_path, response) => held.resolve(response))
    await using waypoint = await start(app.port)
    const asked = get({ host: ip, port: waypoint.http, path: '/slow' })
    const response = await held.promise
    const stopped = waypoint.stop()
    response.end('late')
    const [answer] = (await once(asked, 'response')) as [AsyncIterable<unknown>]
    assert.equal(await textOf(answer), 'late')
    await stopped
    const refused = get({ host: ip, port: waypoint.http })
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNREFUSED')
  })
})
