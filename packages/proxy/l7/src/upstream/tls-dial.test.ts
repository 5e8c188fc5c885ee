import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { request as requestPlain } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { systemClock } from '@tulle/core'
import { silentLog } from '@tulle/runtime'
import type { LogFields } from '@tulle/runtime'
import type { TlsTerms } from '@tulle/traffic'
import { certificatePem, createLeaf, createRoot, generateKeyPair, keyPem } from '@tulle/x509'
import type { LeafOptions, Signer } from '@tulle/x509'
import { answered, exchange, proxyIp, TestProxy } from '../plane/test-proxy.ts'
import { entry, rule } from '../routing/test-requests.ts'

const hourMs = 3_600_000
const nowMs = systemClock.nowMs()
const valid = { notBeforeMs: nowMs - hourMs, notAfterMs: nowMs + hourMs }
const newRoot = (name: string): Signer => createRoot({ subject: { organization: name }, ...valid })
const root = newRoot('ours')
const other = newRoot('other')
const pemOf = ({ certificate }: Signer): string => certificatePem(certificate)

function serverOptions(options: Partial<LeafOptions> = {}): { readonly cert: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPair()
  const dnsSans = ['secure.shop.test']
  const leaf = createLeaf({ issuer: root, publicKey, dnsSans, ...valid, ...options })
  return { cert: certificatePem(leaf), key: keyPem(privateKey) }
}

function terms(change: Partial<TlsTerms> = {}): TlsTerms {
  const roots = { kind: 'pem', certificates: pemOf(root) } as const
  return { serverName: 'secure.shop.test', roots, subjectAltNames: [], ...change }
}

interface Backend extends AsyncDisposable {
  readonly port: number
}

async function listening(server: Server, destroy: () => void = () => undefined): Promise<Backend> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // Listening on TCP.
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      destroy()
    },
  }
}

interface Seen {
  readonly names: unknown[]
  requests: number
}

/** A server of HTTP/1.1 that sends back what it is sent. */
async function secureServer(options: Partial<LeafOptions> = {}): Promise<Backend & Seen> {
  const seen: Seen = { names: [], requests: 0 }
  const server = createHttps(serverOptions(options), (request, response) => {
    seen.requests++
    seen.names.push((request.socket as TLSSocket).servername)
    request.pipe(response)
  })
  return Object.assign(await listening(server, () => server.closeAllConnections()), seen)
}

const toBackend = [entry({}, rule('back'))]
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** The status that a client gets, and why there was no TLS, as the log has it. */
async function statusThrough(port: number, tls: TlsTerms): Promise<readonly [number, string]> {
  const why: string[] = []
  const warn = (_message: string, fields?: LogFields): void => void why.push(String(fields?.['why']))
  await using proxy = await TestProxy.start({
    entries: toBackend,
    clusters: { 'test/back': [port] },
    tls,
    log: { ...silentLog, warn },
  })
  const text = await exchange(proxy.port, get, (one) => answered(one) || one.includes('\r\n\r\n'))
  return [Number(text.split(' ')[1]), why.join()]
}

describe('TLS towards a backend', () => {
  it('is begun with the name that is asked for', async () => {
    await using back = await secureServer()
    assert.equal((await statusThrough(back.port, terms()))[0], 200)
    assert.deepEqual(back.names, ['secure.shop.test'])
  })

  const refused: readonly (readonly [
    what: string,
    leaf: Partial<LeafOptions>,
    change: Partial<TlsTerms>,
    why: RegExp,
  ])[] = [
    [
      'of another name',
      { dnsSans: ['other.test'] },
      {},
      /expected .*DNS:secure\.shop\.test.*DNS:other\.test/u,
    ],
    [
      'with its name in the subject alone',
      { dnsSans: [], subject: { commonName: 'secure.shop.test' } },
      {},
      /DNS/u,
    ],
    ['of another CA', { issuer: other }, {}, /unable to verify|unable to get local issuer/u],
    ['that has expired', { notBeforeMs: nowMs - 2 * hourMs, notAfterMs: nowMs - hourMs }, {}, /expired/u],
    [
      'that is not valid yet',
      { notBeforeMs: nowMs + hourMs, notAfterMs: nowMs + 2 * hourMs },
      {},
      /not yet/u,
    ],
    [
      'without the URI that is asked for',
      { uriSans: ['spiffe://td/ns/a/sa/b'] },
      { subjectAltNames: [{ kind: 'uri', value: 'spiffe://td/ns/a/sa/c' }] },
      /URI:spiffe:\/\/td\/ns\/a\/sa\/c/u,
    ],
    [
      'whose name in turn is not among those that are asked for',
      {},
      { subjectAltNames: [{ kind: 'dns', value: 'else.test' }] },
      /DNS:else\.test/u,
    ],
    [
      'with a name below the star that is asked for',
      {},
      { subjectAltNames: [{ kind: 'dns', value: '*.shop.test' }] },
      /DNS:\*\.shop\.test/u,
    ],
  ]
  for (const [what, leaf, change, why] of refused)
    it(`sends nothing to an endpoint with a certificate ${what}`, async () => {
      await using back = await secureServer(leaf)
      const [status, said] = await statusThrough(back.port, terms(change))
      assert.equal(status, 503)
      assert.match(said, why)
      assert.equal(back.requests, 0)
    })

  const accepted: readonly (readonly [
    what: string,
    leaf: Partial<LeafOptions>,
    change: Partial<TlsTerms>,
  ])[] = [
    ['with a star that covers the name', { dnsSans: ['*.shop.test'] }, {}],
    [
      'with one of the URIs, whatever its name',
      { dnsSans: ['other.test'], uriSans: ['spiffe://td/ns/a/sa/b'] },
      {
        subjectAltNames: [
          { kind: 'dns', value: 'else.test' },
          { kind: 'uri', value: 'spiffe://td/ns/a/sa/b' },
        ],
      },
    ],
    [
      'with the very star that is asked for',
      { dnsSans: ['*.shop.test'] },
      { subjectAltNames: [{ kind: 'dns', value: '*.shop.test' }] },
    ],
    [
      'of one of several roots',
      { issuer: other },
      { roots: { kind: 'pem', certificates: `${pemOf(root)}\n${pemOf(other)}` } },
    ],
  ]
  for (const [what, leaf, change] of accepted)
    it(`takes an endpoint with a certificate ${what}`, async () => {
      await using back = await secureServer(leaf)
      assert.equal((await statusThrough(back.port, terms(change)))[0], 200)
    })

  it('trusts what the machine trusts', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tulle-tls-'))
    after(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'roots.pem'), pemOf(other))
    process.env['SSL_CERT_FILE'] = join(folder, 'roots.pem')
    const system = terms({ roots: { kind: 'system' } })
    await using trusted = await secureServer({ issuer: other })
    assert.equal((await statusThrough(trusted.port, system))[0], 200)
    await using foreign = await secureServer()
    assert.equal((await statusThrough(foreign.port, system))[0], 503)
  })

  it('sends nothing but a handshake to an endpoint that speaks none', async () => {
    const received: Buffer[] = []
    await using back = await listening(
      createServer((socket) => {
        socket.on('error', () => undefined)
        socket.on('data', (bytes: Buffer) => {
          received.push(bytes)
          socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
        })
      }),
    )
    assert.equal((await statusThrough(back.port, terms()))[0], 503)
    assert.equal(received[0]?.[0], 0x16)
    assert.doesNotMatch(Buffer.concat(received).toString('latin1'), /GET /u)
  })

  it('agrees on HTTP/2 by ALPN, and does not speak it otherwise', async () => {
    const server = createSecureServer(serverOptions())
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 })
      stream.end('ok')
    })
    await using back = await listening(server)
    await using secure = await secureServer()
    const ask = async (port: number): Promise<string> => {
      await using proxy = await TestProxy.start({
        entries: toBackend,
        clusters: { 'test/back': [port] },
        tls: terms(),
        upstream: 'http2',
      })
      return await exchange(proxy.port, get, (text) => text.includes('\r\n\r\n'))
    }
    assert.match(await ask(back.port), /^HTTP\/1\.1 200 /u)
    assert.match(await ask(secure.port), /^HTTP\/1\.1 503 /u)
    assert.equal(secure.requests, 0)
  })

  it('carries bodies of some size both ways, on connections that are used again', async () => {
    await using back = await secureServer()
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      tls: terms(),
    })
    const body = Buffer.alloc(5_000_000, 'abcdefg')
    for (let i = 0; i < 3; i++) {
      const asked = requestPlain({ host: proxyIp, port: proxy.port, method: 'POST', agent: false })
      asked.end(body)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const [answer] = (await once(asked, 'response')) as [AsyncIterable<Buffer>]
      // oxlint-disable-next-line no-await-in-loop
      const pieces = await Array.fromAsync(answer)
      assert.ok(Buffer.concat(pieces).equals(body))
    }
  })
})
