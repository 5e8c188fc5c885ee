import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { must, seededRng, TestClock } from '@tulle/core'
import { parseTrustDomain, rootsOf } from '@tulle/identity'
import type { DomainBundle } from '@tulle/identity'
import { silentLog } from '@tulle/runtime'
import {
  certificateFingerprint,
  certificatePem,
  createCsr,
  csrPem,
  generateKeyPair,
  keysMatch,
  parseCertificates,
  parsePrivateKey,
  publicKeyOf,
} from '@tulle/x509'
import type { Signer } from '@tulle/x509'
import { dayMs, hourMs, identityOf, rootAt, TestCa } from './certificate-fixture.ts'
import { CertificateStore } from './certificate-store.ts'
import type { CertificateStoreOptions } from './certificate-store.ts'
import type { WorkloadCertificate } from './certificate-types.ts'

const web = identityOf('web')
const db = identityOf('db')
const never = new AbortController().signal
const cluster = must(parseTrustDomain('cluster.local'))

interface Bench extends AsyncDisposable {
  readonly clock: TestClock
  readonly ca: TestCa
  readonly store: CertificateStore
  /** What subscribers were told. */
  readonly told: (readonly WorkloadCertificate[])[]
}

async function bench(options: Partial<CertificateStoreOptions> = {}): Promise<Bench> {
  const clock = new TestClock()
  const ca = new TestCa(clock)
  const store = new CertificateStore(
    { caClient: ca, ...options },
    { clock, rng: seededRng(7), log: silentLog },
  )
  const told: (readonly WorkloadCertificate[])[] = []
  store.subscribe((list) => told.push(list))
  await store.start(never)
  return { clock, ca, store, told, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
}

describe('CertificateStore', () => {
  test('fetches what is wanted, with a key made here and the roots of its trust domain', async () => {
    await using run = await bench()
    run.store.want(web)
    assert.deepEqual(
      run.store.status.map((entry) => entry.state),
      ['waiting'],
    )
    await run.clock.advance(0)
    const [held, ...others] = run.store.current
    assert.deepEqual([held?.identity, others.length, run.told.length], [web, 0, 1])
    const [leaf] = must(parseCertificates(held!.chainPem))
    assert.ok(keysMatch(publicKeyOf(leaf!)!, must(parsePrivateKey(held!.keyPem))))
    assert.deepEqual(rootsOf(held!.bundle, cluster), [certificatePem(run.ca.roots[0]!.certificate)])
    assert.deepEqual([held!.serial, held!.notAfterMs], [leaf!.serial, leaf!.notAfterMs])
    assert.equal(run.store.status[0]?.state, 'available')
  })

  test('renews at half life with jitter over thirty virtual days, never without a valid certificate', async () => {
    await using run = await bench()
    run.store.want(web)
    const keys = new Set<string>()
    for (let hour = 0; hour < 30 * 24; hour++) {
      await run.clock.advance(hourMs)
      const [held] = run.store.current
      assert.ok(held !== undefined && held.notAfterMs - run.clock.nowMs() > 0.35 * dayMs)
      keys.add(held.keyPem)
    }
    const gaps = run.ca.asked.slice(1).map((asked, i) => asked.atMs - run.ca.asked[i]!.atMs)
    assert.ok(gaps.length >= 50 && gaps.length <= 75, `${gaps.length} renewals`)
    for (const gapMs of gaps) assert.ok(gapMs >= 0.39 * dayMs && gapMs <= 0.61 * dayMs, `${gapMs} ms`)
    assert.ok(new Set(gaps).size > 20, 'jitter')
    assert.equal(keys.size, run.ca.asked.length, 'each certificate has a key of its own')
  })

  test('renews certificates of one minute at their half life, however far they are backdated', async () => {
    await using run = await bench()
    run.ca.ttlMs = 60_000
    run.store.want(web)
    await run.clock.advance(600_000)
    assert.ok(run.ca.asked.length >= 16 && run.ca.asked.length <= 26, `${run.ca.asked.length} requests`)
  })

  test('keeps the certificate in hand while the CA fails, with pauses of 0.5–1 s doubling up to 150 s', async () => {
    await using run = await bench()
    run.store.want(web)
    await run.clock.advance(0)
    const [held] = run.store.current
    run.ca.instead = () => Promise.reject(new Error('away'))
    await run.clock.advance(0.7 * dayMs)
    assert.equal(run.store.current[0], held)
    assert.deepEqual([run.store.status[0]?.state, run.store.status[0]?.lastError], ['available', 'away'])
    const gaps = run.ca.asked.slice(2).map((asked, i) => asked.atMs - run.ca.asked[i + 1]!.atMs)
    for (const [i, gapMs] of gaps.entries()) {
      const fullMs = Math.min(150_000, 1000 * 2 ** i)
      assert.ok(gapMs >= fullMs / 2 && gapMs <= fullMs, `pause ${i} of ${gapMs} ms`)
    }
    assert.ok(gaps.length > 50)

    run.ca.instead = undefined
    await run.clock.advance(150_000)
    assert.notEqual(run.store.current[0], held)
    assert.equal(run.store.status[0]?.lastError, undefined)
  })

  test('gives a certificate up when it expires, and takes the next one that comes', async () => {
    await using run = await bench()
    run.store.want(web)
    await run.clock.advance(0)
    run.ca.instead = () => Promise.reject(new Error('away'))
    await run.clock.advance(dayMs - 1)
    assert.equal(run.store.current.length, 1)
    await run.clock.advance(1)
    assert.equal(run.store.current.length, 0)
    assert.deepEqual(run.told.at(-1), [])
    assert.equal(run.store.status[0]?.state, 'failing')
    run.ca.instead = undefined
    await run.clock.advance(150_000)
    assert.equal(run.store.current.length, 1)
  })

  test('asks for 8 at a time, and for what is missing before what is to be renewed', async () => {
    await using run = await bench()
    const release: (() => void)[] = []
    run.ca.instead = async ({ csr }) => {
      await new Promise<void>((resolve) => release.push(resolve))
      return run.ca.sign(csr)
    }
    const many = Array.from({ length: 20 }, (_, i) => identityOf(`web-${i}`))
    for (const identity of many) run.store.want(identity)
    await run.clock.advance(0)
    assert.equal(run.ca.inFlight, 8)
    while (run.store.current.length < 20) {
      for (const go of release.splice(0)) go()
      await run.clock.advance(0)
    }
    assert.equal(run.ca.maxInFlight, 8)

    run.store.refresh()
    run.store.want(db)
    await run.clock.advance(0)
    const before = run.ca.asked.length
    assert.equal(run.ca.inFlight, 8)
    for (const go of release.splice(0)) go()
    await run.clock.advance(0)
    assert.equal(run.ca.asked[before]?.identity, db, 'before the other renewals')
    while (run.ca.inFlight > 0) {
      for (const go of release.splice(0)) go()
      await run.clock.advance(0)
    }
  })

  test('gives up a request after its time', async () => {
    await using run = await bench({ requestTimeoutMs: 5000 })
    run.ca.instead = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    run.store.want(web)
    await run.clock.advance(4999)
    assert.equal(run.store.status[0]?.lastError, undefined)
    await run.clock.advance(1)
    assert.match(run.store.status[0]?.lastError ?? '', /did not answer within 5000 ms/u)
  })

  test('drops a certificate with the last release, and a request on its way', async () => {
    await using run = await bench()
    run.store.want(web)
    run.store.want(web)
    await run.clock.advance(0)
    run.store.release(web)
    assert.equal(run.store.current.length, 1)
    run.store.release(web)
    await run.clock.advance(0)
    assert.deepEqual([run.store.current, run.told.at(-1), run.store.status], [[], [], []])

    let aborted = false
    run.ca.instead = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true
          reject(signal.reason as Error)
        })
      })
    run.store.want(db)
    run.store.release(db)
    await run.clock.advance(0)
    assert.ok(aborted)
    assert.equal(run.ca.inFlight, 0)
    run.store.release(db)
  })

  test('leaves no timer and no client behind', async () => {
    const run = await bench()
    run.store.want(web)
    await run.clock.advance(0)
    await run.store.drain()
    await run.store[Symbol.asyncDispose]()
    assert.deepEqual([run.clock.pending, run.ca.disposed], [0, true])
    assert.equal(run.store.current.length, 1)
  })
})

describe('CertificateStore trust bundles', () => {
  test('gives all certificates the newest roots, and leaves unchanged ones the same object', async () => {
    await using run = await bench()
    run.store.want(web)
    run.store.want(db)
    await run.clock.advance(0)
    const [first] = run.store.current
    assert.equal(run.store.current[0], first)

    run.ca.roots = [...run.ca.roots, rootAt(run.clock, 'second')]
    run.store.want(identityOf('new'))
    await run.clock.advance(0)
    for (const held of run.store.current) assert.equal(rootsOf(held.bundle, cluster).length, 2)
    const again = run.store.current.find((held) => held.identity === first?.identity)
    assert.deepEqual([again?.serial, again === first], [first?.serial, false])

    run.store.want(identityOf('newer'))
    await run.clock.advance(0)
    assert.equal(
      run.store.current.find((held) => held.identity === first?.identity),
      again,
    )
  })

  test('keeps configured roots of other domains, whatever the CA answers', async () => {
    const foreign = must(parseTrustDomain('other.example'))
    const bundle = { roots: new Map([[foreign, ['theirs']]]) }
    await using run = await bench({ foreignBundles: bundle })
    run.store.want(web)
    await run.clock.advance(0)
    const [held] = run.store.current
    assert.deepEqual(rootsOf(held!.bundle, foreign), ['theirs'])
    assert.equal(rootsOf(held!.bundle, cluster).length, 1)
  })
})

describe('CertificateStore as the control plane tells it', () => {
  const fingerprint = (signer: Signer): string => certificateFingerprint(signer.certificate)
  const bundleOf = (signer: Signer, roots: readonly Signer[]): DomainBundle => ({
    trustDomain: cluster,
    roots: roots.map(({ certificate }) => certificatePem(certificate)),
    signer: fingerprint(signer),
  })

  test('renews soon what another root signed than the one that signs now', async () => {
    await using run = await bench()
    run.store.want(web)
    await run.clock.advance(0)
    const [old] = run.ca.roots
    const next = rootAt(run.clock, 'next')
    assert.ok(old !== undefined)
    run.store.setBundles([bundleOf(old, [old, next])])
    await run.clock.advance(60_000)
    assert.equal(run.ca.asked.length, 1, 'another root beside it is no reason')
    run.ca.roots = [next, old]
    run.store.setBundles([bundleOf(next, [old, next])])
    await run.clock.advance(31_000)
    assert.equal(run.ca.asked.length, 2)
    await run.clock.advance(60_000)
    assert.equal(run.ca.asked.length, 2, 'once')
  })

  test('takes no certificate under a root that is not in force', async () => {
    await using run = await bench()
    const told = rootAt(run.clock, 'told')
    run.store.setBundles([bundleOf(told, [told])])
    run.store.want(web)
    await run.clock.advance(0)
    assert.match(run.store.status[0]?.lastError ?? '', /under one of the roots in force/u)
  })

  test('case 31: replaces a certificate whose serial is revoked at once, with another key', async () => {
    await using run = await bench()
    run.store.want(web)
    await run.clock.advance(0)
    const [before] = run.store.current
    run.store.setRevocations({ identities: new Set(), serials: new Set([before!.serial]) })
    await run.clock.advance(0)
    const [after] = run.store.current
    assert.notEqual(after?.serial, before?.serial)
    assert.notEqual(after?.keyPem, before?.keyPem)
  })
})

/** research/ambient.md §2.5: the answer must be for what was asked, and lead to a root. */
describe('CertificateStore does not take', () => {
  type Answer = (ca: TestCa, csr: string) => readonly string[]
  const otherKey = csrPem(createCsr({ identity: web, keyPair: generateKeyPair() }))
  const cases: readonly (readonly [string, Answer, RegExp])[] = [
    [
      'another identity',
      (ca, csr) => ca.sign(csr, { uriSans: [db] }),
      /expected a certificate for .*web, found .*db/u,
    ],
    ['two URI SANs', (ca, csr) => ca.sign(csr, { uriSans: [web, db] }), /exactly one URI SAN, found 2/u],
    ['no URI SAN', (ca, csr) => ca.sign(csr, { uriSans: [] }), /exactly one URI SAN, found 0/u],
    ['another key', (ca) => ca.sign(otherKey), /for our key/u],
    [
      'a chain that leads to no root',
      (ca, csr) => ca.sign(csr, { issuer: rootAt(ca.clock, 'x') }),
      /no root/u,
    ],
    [
      'an expired certificate',
      (ca, csr) => {
        ca.ttlMs = -1000
        return ca.sign(csr)
      },
      /expired/u,
    ],
    ['an empty answer', () => [], /roots|certificate chain/u],
    ['a leaf without roots', (ca, csr) => ca.sign(csr).slice(0, 1), /certificate chain/u],
    ['text that is no PEM', () => ['hello', 'world'], /certificate chain: expected a certificate/u],
    ['a huge answer', () => ['x'.repeat(2_000_000), ''], /at most 1048576 bytes/u],
  ]
  for (const [name, answer, expected] of cases) {
    test(name, async () => {
      await using run = await bench()
      run.ca.instead = ({ csr }) => Promise.resolve(answer(run.ca, csr))
      run.store.want(web)
      await run.clock.advance(0)
      assert.equal(run.store.current.length, 0)
      assert.match(run.store.status[0]?.lastError ?? '', expected)
    })
  }
})
