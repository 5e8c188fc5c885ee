/** HBONE with a stock Envoy at the other end, both ways: what it terminates, what it originates, what is refused. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hboneOriginator, hboneTerminator } from './envoy/envoy-config.ts'
import type { Endpoint } from './envoy/envoy-config.ts'
import {
  clientIp,
  credentialsOf,
  identityOf,
  linesOf,
  serverIp,
  startApp,
  startMeshSide,
} from './envoy/mesh-side.ts'
import { installEnvoy } from './envoy/install-envoy.ts'
import { startEnvoy } from './envoy/start-envoy.ts'

const folder = mkdtempSync(join(tmpdir(), 'tulle-envoy-'))
after(() => rmSync(folder, { recursive: true }))
// What is fetched takes as long as the network makes it.
before(() => void installEnvoy(), { timeout: 600_000 })

const requestBytes = randomBytes(9 * 1024 * 1024 + 1)
const responseBytes = randomBytes(7 * 1024 * 1024 + 3)

/** Everything until the other side ends; rejects where it is cut instead. */
function readAll(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.once('end', () => resolve(Buffer.concat(chunks)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('expected an end, found a cut')))
  })
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Answers only after the caller has ended its half, so that an answer proves half-close. */
async function answerAfterEnd(socket: Socket, seen: (digest: string) => void): Promise<void> {
  seen(digest(await readAll(socket)))
  socket.end(responseBytes)
}

async function callWithPayload(to: Endpoint): Promise<string> {
  const socket = connect({ host: to.ip, port: to.port, allowHalfOpen: true })
  socket.end(requestBytes)
  return digest(await readAll(socket))
}

/** A call that nothing comes back from: it ends, or is cut. */
function callRefused(to: Endpoint): Promise<number> {
  const socket = connect({ host: to.ip, port: to.port })
  let received = 0
  socket.on('data', (chunk: Buffer) => (received += chunk.length))
  socket.on('error', () => undefined)
  socket.write('may I?')
  return new Promise((resolve) => socket.once('close', () => resolve(received)))
}

/** A port that was free a moment ago. */
async function freePort(ip: string): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, ip, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('Envoy terminates HBONE of ours', () => {
  test('megabytes arrive whole both ways, each side ending its half by itself, and a 401 closes the caller', async () => {
    let received = ''
    await using app = await startApp(serverIp, (socket) => {
      void answerAfterEnd(socket, (found) => (received = found))
    })
    const allowed = { listen: { ip: clientIp, port: await freePort(clientIp) }, port: app.port }
    const refused = { listen: { ip: clientIp, port: await freePort(clientIp) }, port: 4 }
    const config = hboneTerminator({
      listen: { ip: serverIp, port: 15_008 },
      application: { ip: serverIp, port: app.port },
      refusedAuthority: `${serverIp}:${refused.port}`,
      credentials: credentialsOf('books', 'shopper'),
    })
    await using _envoy = await startEnvoy(folder, config)
    await using shopper = await startMeshSide('shopper', {
      fixedOutbound: [allowed, refused].map(({ listen, port }) => ({
        listen,
        destination: { ip: serverIp, port },
      })),
    })

    assert.equal(await callWithPayload(allowed.listen), digest(responseBytes))
    assert.equal(received, digest(requestBytes))
    assert.equal(await callRefused(refused.listen), 0)

    const [whole, cut] = await shopper.logged(2)
    assert.equal(whole?.['verdict'], 'allowed')
    assert.equal(whole?.['dst.identity'], identityOf('books'))
    assert.equal(whole?.['bytes_sent'], requestBytes.length)
    assert.equal(whole?.['bytes_recv'], responseBytes.length)
    assert.equal(cut?.['verdict'], 'refused', String(cut?.['error']))
  })

  test('an Envoy with another identity than the destination has is not spoken to', async () => {
    await using app = await startApp(serverIp, (socket) => socket.destroy())
    const listen = { ip: clientIp, port: await freePort(clientIp) }
    const config = hboneTerminator({
      listen: { ip: serverIp, port: 15_008 },
      application: { ip: serverIp, port: app.port },
      refusedAuthority: 'nobody:1',
      credentials: credentialsOf('impostor', 'shopper'),
    })
    await using _envoy = await startEnvoy(folder, config)
    await using shopper = await startMeshSide('shopper', {
      fixedOutbound: [{ listen, destination: { ip: serverIp, port: app.port } }],
    })
    assert.equal(await callRefused(listen), 0)
    const [line] = await shopper.logged(1)
    assert.equal(line?.['verdict'], 'failed')
    assert.match(String(line?.['error']), /impostor/u)
  })
})

describe('Envoy originates HBONE to ours', () => {
  const hbone = { ip: serverIp, port: 15_008 }

  async function originator(account: string, authority: string): Promise<AsyncDisposable & OriginatorParts> {
    const listen = { ip: clientIp, port: await freePort(clientIp) }
    const accessLog = join(folder, `${account}.log`)
    const config = hboneOriginator({
      listen,
      proxy: hbone,
      authority,
      baggage: 'k8s.cluster.name=Kubernetes,k8s.namespace.name=market,k8s.deployment.name=stall',
      credentials: credentialsOf(account, 'books'),
      accessLog,
    })
    const envoy = await startEnvoy(folder, config)
    return { listen, accessLog, [Symbol.asyncDispose]: () => envoy[Symbol.asyncDispose]() }
  }

  interface OriginatorParts {
    readonly listen: Endpoint
    readonly accessLog: string
  }

  test('megabytes arrive whole both ways, each side ending its half by itself', async () => {
    let received = ''
    await using app = await startApp(serverIp, (socket) => {
      void answerAfterEnd(socket, (found) => (received = found))
    })
    await using books = await startMeshSide('books', { hbone })
    await using envoy = await originator('shopper', `${serverIp}:${app.port}`)
    assert.equal(await callWithPayload(envoy.listen), digest(responseBytes))
    assert.equal(received, digest(requestBytes))
    const [line] = await books.logged(1)
    assert.equal(line?.['verdict'], 'allowed')
    assert.equal(line?.['src.identity'], identityOf('shopper'))
    assert.equal(line?.['src.workload'], 'stall')
    assert.equal(line?.['policy'], 'shop/books')
    assert.equal(line?.['bytes_recv'], requestBytes.length)
    assert.equal(line?.['bytes_sent'], responseBytes.length)
  })

  test('a caller that no rule allows gets 401, and its application an end', async () => {
    let calls = 0
    await using app = await startApp(serverIp, (socket) => {
      calls++
      socket.destroy()
    })
    await using books = await startMeshSide('books', { hbone })
    await using envoy = await originator('stranger', `${serverIp}:${app.port}`)
    assert.equal(await callRefused(envoy.listen), 0)
    const [line] = await books.logged(1)
    assert.equal(line?.['verdict'], 'refused')
    assert.equal(line?.['error'], 'no-allow-rule shop/books')
    assert.equal(line?.['src.identity'], identityOf('stranger'))
    assert.equal(calls, 0)
    const [answer] = await linesOf(envoy.accessLog, 1)
    assert.deepEqual(answer?.['headers'], [{ key: ':status', value: '401' }])
  })
})
