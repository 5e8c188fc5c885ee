import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { Server, ServerCredentials, status } from '@grpc/grpc-js'
import type { handleUnaryCall, Metadata } from '@grpc/grpc-js'
import { seededRng, TestClock } from '@tulle/core'
import { certificateService, IstioCertificateResponseSchema } from '@tulle/proto'
import type { IstioCertificateRequest, IstioCertificateResponse } from '@tulle/proto'
import { silentLog } from '@tulle/runtime'
import {
  certificatePem,
  createCsr,
  createLeaf,
  createRoot,
  csrPem,
  generateKeyPair,
  joinPem,
  keyPem,
} from '@tulle/x509'
import type { Signer } from '@tulle/x509'
import { grpcCaClient } from './late-ca-client.ts'
import { dayMs, hourMs, identityOf, TestCa, until } from './certificate-fixture.ts'
import { CertificateStore } from './certificate-store.ts'
import type { CaClient } from './certificate-types.ts'

const web = identityOf('web')
const never = new AbortController().signal
/** OpenSSL reads the machine's clock, workload certificates live on the test's. */
const always = { notBeforeMs: Date.UTC(2000, 0), notAfterMs: Date.UTC(2100, 0) }
const csr = csrPem(createCsr({ identity: web, keyPair: generateKeyPair() }))

let folder = ''
let clock = new TestClock()
let ca = new TestCa(clock)
let server = new Server()
let address = ''
let seen: { readonly metadata: Metadata; readonly request: IstioCertificateRequest }[] = []
let failWith: { code: status; details: string } | undefined
let client: CaClient

function tlsRoot(): Signer {
  return createRoot({ subject: { commonName: `tls ${Math.random()}` }, ...always })
}

/** A CA over TLS on loopback. */
async function serve(root: Signer, port = 0, name = 'tulle-control'): Promise<Server> {
  const next = new Server()
  const createCertificate: handleUnaryCall<IstioCertificateRequest, IstioCertificateResponse> = (
    call,
    respond,
  ) => {
    seen.push({ metadata: call.metadata, request: call.request })
    if (failWith !== undefined) return respond(failWith)
    return respond(
      null,
      create(IstioCertificateResponseSchema, { certChain: [...ca.sign(call.request.csr)] }),
    )
  }
  next.addService(certificateService, { createCertificate })
  const { publicKey, privateKey } = generateKeyPair()
  const leaf = createLeaf({ issuer: root, publicKey, dnsSans: [name], ...always })
  const pair = { cert_chain: Buffer.from(certificatePem(leaf)), private_key: Buffer.from(keyPem(privateKey)) }
  const bound = await new Promise<number>((resolve, reject) => {
    next.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createSsl(null, [pair]), (error, at) =>
      error === null ? resolve(at) : reject(error),
    )
  })
  address = `127.0.0.1:${bound}`
  return next
}

const file = (name: string): string => join(folder, name)
const ask = (signal: AbortSignal = never): Promise<readonly string[]> =>
  client.request({ csr, identity: web, ttlMs: hourMs, signal })

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tulle-ca-client-'))
})
after(() => rm(folder, { recursive: true }))

beforeEach(async () => {
  clock = new TestClock()
  ca = new TestCa(clock)
  seen = []
  failWith = undefined
  const root = tlsRoot()
  server = await serve(root)
  await writeFile(file('roots.pem'), joinPem([root.certificate]))
  await writeFile(file('token'), 'first\n')
  client = grpcCaClient({ address, rootsFile: file('roots.pem'), tokenFile: file('token') }, { clock })
})
afterEach(() => {
  client[Symbol.dispose]()
  server.forceShutdown()
})

describe('grpcCaClient', () => {
  test('sends what ztunnel sends, with the token as it is now', async () => {
    assert.equal((await ask()).length, 2)
    await writeFile(file('token'), 'second')
    await ask()
    assert.deepEqual(
      seen.map(({ metadata }) => metadata.get('authorization')),
      [['Bearer first'], ['Bearer second']],
    )
    assert.deepEqual(seen[0]?.metadata.get('clusterid'), ['Kubernetes'])
    assert.equal(seen[0]?.request.validityDuration, 3600n)
    assert.deepEqual(seen[0]?.request.metadata, { ImpersonatedIdentity: web })
    assert.equal(seen[0]?.request.csr, csr)
  })

  test('reads the roots again for each request', async () => {
    await ask()
    const next = tlsRoot()
    server.forceShutdown()
    server = await serve(next, Number(address.split(':')[1]))
    await assert.rejects(ask(), { code: 'CA_UNREACHABLE' })
    await writeFile(file('roots.pem'), joinPem([next.certificate]))
    assert.equal((await ask()).length, 2)
  })

  test('finds a server that was away at once when it is back', async () => {
    server.forceShutdown()
    await assert.rejects(ask(), { code: 'CA_UNREACHABLE' })
    const root = tlsRoot()
    server = await serve(root, Number(address.split(':')[1]))
    await writeFile(file('roots.pem'), joinPem([root.certificate]))
    assert.equal((await ask()).length, 2)
  })

  test('believes no server with another root or name, and tells it no token', async () => {
    await writeFile(file('roots.pem'), joinPem([tlsRoot().certificate]))
    await assert.rejects(ask(), { code: 'CA_UNREACHABLE' })
    const root = tlsRoot()
    server.forceShutdown()
    server = await serve(root, Number(address.split(':')[1]), 'other-control')
    await writeFile(file('roots.pem'), joinPem([root.certificate]))
    await assert.rejects(ask(), { code: 'CA_UNREACHABLE' })
    assert.equal(seen.length, 0)
  })

  const codes: readonly (readonly [keyof typeof status, string])[] = [
    ['UNAUTHENTICATED', 'CA_REFUSED'],
    ['PERMISSION_DENIED', 'CA_REFUSED'],
    ['INVALID_ARGUMENT', 'CA_REFUSED'],
    ['FAILED_PRECONDITION', 'CA_REFUSED'],
    ['RESOURCE_EXHAUSTED', 'CA_REFUSED'],
    ['UNAVAILABLE', 'CA_UNREACHABLE'],
    ['INTERNAL', 'CA_UNREACHABLE'],
    ['UNIMPLEMENTED', 'CA_UNREACHABLE'],
  ]
  for (const [name, code] of codes) {
    test(`takes ${name} for ${code}`, async () => {
      failWith = { code: status[name], details: 'because' }
      await assert.rejects(ask(), { code, message: `the CA answered ${name}: because` })
    })
  }

  test('says which file is missing or broken', async () => {
    await rm(file('token'))
    await assert.rejects(ask(), { code: 'CERTIFICATE_FILE', message: /token can't be read/u })
    await writeFile(file('token'), 'x')
    await writeFile(file('roots.pem'), '-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----\n')
    await assert.rejects(ask(), {
      code: 'CERTIFICATE_FILE',
      message: /roots\.pem: line 2: expected base64/u,
    })
  })

  test('ends with the signal', async () => {
    const controller = new AbortController()
    controller.abort(new Error('enough'))
    await assert.rejects(ask(controller.signal), /enough/u)
    const later = new AbortController()
    const asked = ask(later.signal)
    later.abort(new Error('enough'))
    await assert.rejects(asked, /enough/u)
  })

  test('makes nothing any more once it is disposed of, wherever a request is by then', async () => {
    const loading = ask()
    client[Symbol.dispose]()
    await assert.rejects(loading, { code: 'CA_UNREACHABLE', message: /disposed of/u })
    client = grpcCaClient({ address, rootsFile: file('roots.pem'), tokenFile: file('token') }, { clock })
    await ask()
    const reading = ask()
    // Loaded by now; its files are still being read.
    await Promise.resolve()
    client[Symbol.dispose]()
    await assert.rejects(reading, { code: 'CA_UNREACHABLE', message: /disposed of/u })
    assert.deepEqual([seen.length, clock.pending], [1, 0])
  })

  test('closes its channel when it has been idle, and opens another', async () => {
    await ask()
    assert.equal(clock.pending, 1)
    await clock.advance(30_000)
    assert.equal(clock.pending, 0)
    assert.equal((await ask()).length, 2)
  })
})

test('CertificateStore renews over gRPC and TLS through whole virtual lifetimes, also across an outage', async () => {
  await using store = new CertificateStore({ caClient: client }, { clock, rng: seededRng(3), log: silentLog })
  await store.start(never)
  const identities = Array.from({ length: 5 }, (_, i) => identityOf(`web-${i}`))
  for (const identity of identities) store.want(identity)
  await until(() => store.current.length === identities.length)
  const nextMs = (): number => Math.min(...store.status.map((entry) => entry.nextRequestMs))
  const startMs = clock.nowMs()
  const serials = new Set<string>()
  let failures = 0
  while (clock.nowMs() < startMs + 5 * dayMs) {
    // Stops where a request is due: the network's time and the test's are not to run side by side.
    await clock.advance(nextMs() - clock.nowMs())
    const lateMs = clock.nowMs() - (startMs + 2 * dayMs)
    failWith = lateMs > 0 && lateMs < hourMs ? { code: status.UNAVAILABLE, details: 'away' } : undefined
    await until(() => nextMs() > clock.nowMs())
    failures += store.status.filter((entry) => entry.lastError !== undefined).length
    assert.equal(store.current.length, identities.length)
    for (const { serial, notAfterMs } of store.current) {
      assert.ok(notAfterMs > clock.nowMs())
      serials.add(serial)
    }
  }
  assert.ok(failures > 0)
  // Five days at about half a day each.
  assert.ok(serials.size >= 5 * 8 && serials.size <= 5 * 13, `${serials.size} certificates`)
})
