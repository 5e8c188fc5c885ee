import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { Client, credentials, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js'
import type { ServiceError } from '@grpc/grpc-js'
import { must, TestClock } from '@tulle/core'
import { noRevocations, parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { certificateService, IstioCertificateRequestSchema } from '@tulle/proto'
import { createLog } from '@tulle/runtime'
import { createCsr, csrPem, generateKeyPair, parseCertificates, spiffeIdOf, verifyChain } from '@tulle/x509'
import { CertificateAuthority } from './authority.ts'
import { makeRoot } from './authority-root.ts'
import { bearerToken, caService, grpcStatusOf } from './ca-service.ts'
import type { RefusalKind } from './errors.ts'
import { mintNodeToken, verifyNodeToken } from './node-tokens.ts'

const clock = new TestClock()
const trustDomain = must(parseTrustDomain('cluster.local'))
const root = makeRoot({ name: 'root', trustDomain, nowMs: clock.nowMs() })
const state = { roots: [root], signer: 'root', revocations: noRevocations }
const authority = new CertificateAuthority({ trustDomain, state }, { clock, save: async () => {} })
const tokenKey = { secret: Buffer.alloc(32, 1) }
const web = identity('spiffe://cluster.local/ns/shop/sa/web')
const db = identity('spiffe://cluster.local/ns/shop/sa/db')
const foreign = identity('spiffe://other.example/ns/shop/sa/web')
const waypoint = identity('spiffe://cluster.local/ns/shop/sa/waypoint')
/** What runs where, as the control plane knows it. */
const placed = new Map<SpiffeId, string>([
  [web, 'node-1'],
  [db, 'node-2'],
  [foreign, 'node-1'],
])
const logged: string[] = []
const server = new Server()
let client: Client
let token = ''

function identity(text: string): SpiffeId {
  return spiffeId(must(parseSpiffeId(text)))
}

before(async () => {
  const service = caService(
    {
      authority,
      authenticate: (text) =>
        text === 'crash'
          ? Promise.reject(new Error('secret detail'))
          : verifyNodeToken(tokenKey, text, clock),
      authorizeNode: ({ node }, asked) =>
        placed.get(asked) === node || `no workload with the identity ${asked} runs on ${node}`,
      burst: 50,
      perSecond: 1,
    },
    { clock, log: createLog({ level: 'debug', clock, write: (line) => logged.push(line) }) },
  )
  server.addService(certificateService, service)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  token = await mintNodeToken(tokenKey, { node: 'node-1', ttlMs: 3_600_000, clock })
})

after(() => {
  client.close()
  server.forceShutdown()
})

interface Ask {
  readonly authorization?: readonly string[]
  readonly csr?: string
  readonly asked?: unknown
  readonly validitySeconds?: bigint
}

const keyPair = generateKeyPair()
const csrFor = (asked: SpiffeId): string => csrPem(createCsr({ identity: asked, keyPair }))

function ask({
  authorization = [`Bearer ${token}`],
  csr,
  asked = web,
  validitySeconds = 0n,
}: Ask): Promise<string[]> {
  const metadata = new Metadata()
  for (const header of authorization) metadata.add('authorization', header)
  const message = create(IstioCertificateRequestSchema, {
    csr: csr ?? csrFor(typeof asked === 'string' ? (asked as SpiffeId) : web),
    validityDuration: validitySeconds,
    metadata:
      asked === undefined ? {} : { ImpersonatedIdentity: asked as string, Node: 'node-2', ClusterID: 'x' },
  })
  const { path, requestSerialize, responseDeserialize } = certificateService.createCertificate
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, metadata, (error, answer) =>
      answer === undefined ? reject(error as ServiceError) : resolve(answer.certChain),
    )
  })
}

async function refusal(options: Ask): Promise<{ readonly code: string; readonly details: string }> {
  try {
    await ask(options)
    return { code: 'OK', details: '' }
  } catch (error) {
    const { code, details } = error as ServiceError
    return { code: status[code], details }
  }
}

describe('caService', () => {
  test('answers leaf first and all roots in the last element', async () => {
    const answer = await ask({})
    assert.equal(answer.length, 2)
    const [leaf] = must(parseCertificates(answer[0]!))
    const roots = must(parseCertificates(answer.at(-1)!))
    assert.equal(must(spiffeIdOf(leaf!)), web)
    assert.ok(verifyChain({ leaf: leaf!, intermediates: [], roots, nowMs: clock.nowMs() }).ok)
  })

  test('caps validity_duration at the limit and grants less', async () => {
    const lifeMs = async (validitySeconds: bigint): Promise<number> => {
      const [leaf] = must(parseCertificates((await ask({ validitySeconds }))[0]!))
      return leaf!.notAfterMs - clock.nowMs()
    }
    assert.equal(await lifeMs(2n ** 62n), 86_400_000)
    assert.equal(await lifeMs(60n), 60_000)
    assert.equal(await lifeMs(0n), 86_400_000)
  })
})

/** design.md §5 and research/ambient.md §2.5, one test a code. */
describe('caService refuses', () => {
  const cases: readonly (readonly [string, () => Ask | Promise<Ask>, string, RegExp])[] = [
    ['no token', () => ({ authorization: [] }), 'UNAUTHENTICATED', /found none/u],
    ['another scheme', () => ({ authorization: ['Basic eDp5'] }), 'UNAUTHENTICATED', /Bearer TOKEN/u],
    ['a token that is none', () => ({ authorization: ['Bearer x'] }), 'UNAUTHENTICATED', /malformed/u],
    [
      'an expired token',
      async () => {
        const past = new TestClock(clock.nowMs() - 7_200_000)
        const old = await mintNodeToken(tokenKey, { node: 'node-1', ttlMs: 1000, clock: past })
        return { authorization: [`Bearer ${old}`] }
      },
      'UNAUTHENTICATED',
      /expired/u,
    ],
    [
      "another node's identity, whatever node the request names",
      () => ({ asked: db }),
      'PERMISSION_DENIED',
      /no workload with the identity .* runs on node-1/u,
    ],
    ['an identity that nobody has', () => ({ asked: waypoint }), 'PERMISSION_DENIED', /runs on/u],
    ['another trust domain', () => ({ asked: foreign }), 'PERMISSION_DENIED', /trust domain cluster\.local/u],
    ['no ImpersonatedIdentity', () => ({ asked: null }), 'INVALID_ARGUMENT', /ImpersonatedIdentity/u],
    [
      'an ImpersonatedIdentity that is no text',
      () => ({ asked: [web] }),
      'INVALID_ARGUMENT',
      /Impersonated/u,
    ],
    [
      'an ImpersonatedIdentity that is no SPIFFE id',
      () => ({ asked: 'web', csr: csrFor(web) }),
      'INVALID_ARGUMENT',
      /spiffe:\/\//u,
    ],
    [
      'an endless ImpersonatedIdentity',
      () => ({ asked: `spiffe://${'a'.repeat(100_000)}`, csr: csrFor(web) }),
      'INVALID_ARGUMENT',
      /longer/u,
    ],
    ['a CSR for another identity', () => ({ csr: csrFor(db) }), 'INVALID_ARGUMENT', /exactly spiffe/u],
    ['a CSR that is none', () => ({ csr: 'hello' }), 'INVALID_ARGUMENT', /CERTIFICATE REQUEST/u],
    ['a CSR of a megabyte', () => ({ csr: 'x'.repeat(1_000_000) }), 'INVALID_ARGUMENT', /at most 8192/u],
    ['a negative validity', () => ({ validitySeconds: -1n }), 'INVALID_ARGUMENT', /validity_duration/u],
  ]
  for (const [name, make, code, details] of cases) {
    test(`${name} with ${code}`, async () => {
      const found = await refusal(await make())
      assert.equal(found.code, code)
      assert.match(found.details, details)
    })
  }

  test('a revoked identity with PERMISSION_DENIED', async () => {
    await authority.revoke({ identities: [web] })
    assert.equal((await refusal({})).code, 'PERMISSION_DENIED')
    await authority.reinstate({ identities: [web] })
  })

  test('and tells causes of its own to the log alone, with INTERNAL', async () => {
    const found = await refusal({ authorization: ['Bearer crash'] })
    assert.deepEqual(found, { code: 'INTERNAL', details: 'the certificate authority failed' })
    assert.ok(logged.some((line) => line.includes('secret detail')))
  })

  test('a node that asks too often with RESOURCE_EXHAUSTED, and no other node', async () => {
    const greedy = await mintNodeToken(tokenKey, { node: 'greedy', ttlMs: 3_600_000, clock })
    const codes = new Set<string>()
    for (let i = 0; i < 51; i++) codes.add((await refusal({ authorization: [`Bearer ${greedy}`] })).code)
    assert.deepEqual([...codes], ['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED'])
    assert.equal((await refusal({})).code, 'OK')
  })
})

test('bearerToken takes exactly one header of one shape', () => {
  const read = (...headers: readonly string[]): boolean => {
    const metadata = new Metadata()
    for (const header of headers) metadata.add('authorization', header)
    return bearerToken(metadata).ok
  }
  assert.ok(read('Bearer x') && read('bearer x'))
  for (const headers of [
    [],
    ['Bearer x', 'Bearer x'],
    ['Bearer'],
    ['Bearer x, Bearer y'],
    ['Bearer  x'],
    ['x'],
  ]) {
    assert.equal(read(...headers), false, headers.join('|'))
  }
})

test('grpcStatusOf has a code for each kind', () => {
  const expected: Readonly<Record<RefusalKind, status>> = {
    unauthenticated: status.UNAUTHENTICATED,
    forbidden: status.PERMISSION_DENIED,
    invalid: status.INVALID_ARGUMENT,
    busy: status.RESOURCE_EXHAUSTED,
    unavailable: status.FAILED_PRECONDITION,
  }
  for (const [kind, code] of Object.entries(expected)) assert.equal(grpcStatusOf(kind as RefusalKind), code)
})
