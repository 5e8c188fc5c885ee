import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { must, TestClock } from '@tulle/core'
import { noRevocations, parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { parseIpAddress } from '@tulle/mesh'
import {
  createCsr,
  createRoot,
  generateKeyPair,
  joinPem,
  keyPem,
  parseCertificates,
  parseCsr,
  spiffeIdOf,
  verifyChain,
} from '@tulle/x509'
import type { CertificateRequest, Signer } from '@tulle/x509'
import { CertificateAuthority } from './authority.ts'
import type { AuthorityOptions, AuthorityState } from './authority.ts'
import { makeRoot, parseRoot } from './authority-root.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const trustDomain = must(parseTrustDomain('cluster.local'))
const web = identity('cluster.local', 'web')
const pair = generateKeyPair()
const request = must(parseCsr(createCsr({ identity: web, keyPair: pair })))

function identity(domain: string, account: string): SpiffeId {
  return spiffeId(must(parseSpiffeId(`spiffe://${domain}/ns/shop/sa/${account}`)))
}

function authority(
  more: Partial<AuthorityOptions> = {},
  clock: TestClock = new TestClock(),
): CertificateAuthority {
  const root = makeRoot({ name: 'root', trustDomain, nowMs: clock.nowMs() })
  const state: AuthorityState = { roots: [root], signer: 'root', revocations: noRevocations }
  return new CertificateAuthority({ trustDomain, state, ...more }, { clock, save: async () => {} })
}

/** Whether a chain would be believed by a holder of this bundle. */
function believed(chainPem: readonly string[], rootsPem: string, nowMs: number): boolean {
  const [leaf, ...intermediates] = must(parseCertificates(chainPem.join('')))
  return verifyChain({ leaf: leaf!, intermediates, roots: must(parseCertificates(rootsPem)), nowMs }).ok
}

describe('CertificateAuthority.signWorkload', () => {
  test('issues a certificate for exactly the identity, that leads to the root', () => {
    const clock = new TestClock()
    const issued = must(authority({}, clock).signWorkload(request, web))
    assert.equal(must(spiffeIdOf(issued.leaf)), web)
    assert.deepEqual([issued.leaf.dnsSans, issued.leaf.ipSans, issued.leaf.isCa], [[], [], false])
    assert.equal(issued.chainPem.length, 1)
    assert.ok(believed(issued.chainPem, issued.rootsPem, clock.nowMs()))
  })

  test('lets it live 24 h, backdated 65 min against clocks that are behind, or set back', () => {
    const clock = new TestClock()
    const { leaf } = must(authority({}, clock).signWorkload(request, web))
    assert.equal(leaf.notAfterMs - clock.nowMs(), dayMs)
    assert.equal(clock.nowMs() - leaf.notBeforeMs, 65 * minuteMs)
  })

  const lifetimes: readonly (readonly [string, number, number, number])[] = [
    ['caps a longer one', dayMs, 100 * dayMs, dayMs],
    ['grants a shorter one', dayMs, hourMs, hourMs],
    ['takes none for the limit', hourMs, 0, hourMs],
    ['caps at a limit of one minute', minuteMs, dayMs, minuteMs],
  ]
  for (const [name, leafTtlMs, askedMs, expectedMs] of lifetimes) {
    test(`${name}`, () => {
      const clock = new TestClock()
      const { leaf } = must(authority({ leafTtlMs }, clock).signWorkload(request, web, askedMs))
      assert.equal(leaf.notAfterMs - clock.nowMs(), expectedMs)
      assert.ok((leaf.notBeforeMs + leaf.notAfterMs) / 2 > clock.nowMs(), 'half life lies ahead')
    })
  }

  const wrong: readonly (readonly [string, readonly string[]])[] = [
    ['no URI', []],
    ['another identity', [identity('cluster.local', 'db')]],
    ['two URIs, one of them right', [web, identity('cluster.local', 'db')]],
    ['the right URI twice', [web, web]],
    ['a NUL behind the right URI', [`${web}\0`]],
    ['other case', [web.toUpperCase()]],
  ]
  for (const [name, uriSans] of wrong) {
    test(`refuses a request for ${name}`, () => {
      const asked: CertificateRequest = { publicKey: pair.publicKey, uriSans }
      const found = authority().signWorkload(asked, web)
      assert.equal(found.ok ? 'issued' : found.error.kind, 'invalid')
    })
  }

  test('refuses an identity of another trust domain', () => {
    const foreign = identity('other.example', 'web')
    const found = authority().signWorkload({ publicKey: pair.publicKey, uriSans: [foreign] }, foreign)
    assert.equal(found.ok ? 'issued' : found.error.kind, 'forbidden')
  })

  test('refuses a revoked identity until it is reinstated (case 31)', async () => {
    const ca = authority()
    await ca.revoke({ identities: [web], serials: ['00:AB'] })
    assert.deepEqual([...ca.revocations.serials], ['ab'])
    const found = ca.signWorkload(request, web)
    assert.equal(found.ok ? 'issued' : found.error.kind, 'forbidden')
    await ca.reinstate({ identities: [web], serials: ['0AB'] })
    assert.ok(ca.signWorkload(request, web).ok)
    assert.equal(ca.revocations.serials.size, 0)
  })

  test('issues nothing that outlives its issuer, and nothing at all after that', async () => {
    const clock = new TestClock()
    const signer = createRoot({ notBeforeMs: clock.nowMs(), notAfterMs: clock.nowMs() + hourMs })
    const root = must(parseRoot('root', joinPem([signer.certificate]), keyPem(signer.key)))
    const state = { roots: [root], signer: 'root', revocations: noRevocations }
    const ca = authority({ state }, clock)
    assert.equal(must(ca.signWorkload(request, web)).leaf.notAfterMs, signer.certificate.notAfterMs)
    await clock.advance(hourMs)
    const found = ca.signWorkload(request, web)
    assert.equal(found.ok ? 'issued' : found.error.kind, 'unavailable')
  })
})

describe('CertificateAuthority root rotation', () => {
  test('believes old and new leaves at every step: bundle first, then the signer, then the old one leaves', async () => {
    const clock = new TestClock()
    const ca = authority({ leafTtlMs: hourMs }, clock)
    const before = must(ca.signWorkload(request, web))
    let changes = 0
    using _watch = ca.subscribe(() => changes++)

    await ca.addRoot('second')
    const between = must(ca.signWorkload(request, web))
    assert.ok(believed(between.chainPem, before.rootsPem, clock.nowMs()), 'peers with the old bundle')

    await clock.advance(hourMs)
    await ca.setSigner('second')
    const moved = must(ca.signWorkload(request, web))
    assert.ok(believed(moved.chainPem, between.rootsPem, clock.nowMs()), 'peers who have both roots')
    assert.ok(!believed(moved.chainPem, before.rootsPem, clock.nowMs()), 'peers who slept through')
    assert.ok(believed(between.chainPem, moved.rootsPem, clock.nowMs()), 'old leaves while both are there')

    await clock.advance(hourMs)
    await ca.removeRoot('root')
    const last = must(ca.signWorkload(request, web))
    assert.ok(believed(moved.chainPem, last.rootsPem, clock.nowMs()))
    assert.ok(!believed(between.chainPem, last.rootsPem, clock.nowMs()), 'leaves of the removed root')
    assert.equal(changes, 3)
    assert.deepEqual(
      ca.roots.map((root) => [root.name, root.signs]),
      [['second', true]],
    )
  })

  test('puts the root that signs first in the bundle', async () => {
    const ca = authority()
    await ca.addRoot('second')
    await ca.setSigner('second')
    const [first] = must(parseCertificates(ca.rootsPem))
    assert.equal(first?.serial, ca.roots.find((root) => root.signs)?.serial)
  })

  test('refuses impossible steps and stays as it was', async () => {
    const ca = authority()
    const keyless = {
      ...makeRoot({ name: 'keyless', trustDomain, nowMs: new TestClock().nowMs() }),
      key: undefined,
    }
    await ca.addRoot(keyless)
    const rootsBefore = ca.rootsPem
    const steps: readonly (readonly [() => Promise<void>, RegExp])[] = [
      [() => ca.addRoot('root'), /already/u],
      [() => ca.addRoot('../x'), /expected a name/u],
      [() => ca.setSigner('keyless'), /key of root keyless is not here/u],
      [() => ca.setSigner('nobody'), /expected one of the roots root, keyless/u],
      [() => ca.removeRoot('root'), /root signs/u],
      [() => ca.removeRoot('nobody'), /expected one of the roots/u],
    ]
    for (const [step, message] of steps) await assert.rejects(step, { code: 'CA_ROTATION', message })
    assert.equal(ca.rootsPem, rootsBefore)
  })

  test('takes a change that was not kept for one that did not happen', async () => {
    const clock = new TestClock()
    const root = makeRoot({ name: 'root', trustDomain, nowMs: clock.nowMs() })
    const state = { roots: [root], signer: 'root', revocations: noRevocations }
    const save = (): Promise<void> => Promise.reject(new Error('disk full'))
    const ca = new CertificateAuthority({ trustDomain, state }, { clock, save })
    await assert.rejects(ca.addRoot('second'), /disk full/u)
    assert.equal(ca.roots.length, 1)
  })
})

test('issueServingCertificate names the server and no workload', () => {
  const clock = new TestClock()
  const ca = authority({}, clock)
  const ip = must(parseIpAddress('127.0.0.1'))
  const serving = must(ca.issueServingCertificate({ names: ['tulle-control', 'localhost'], ips: [ip] }))
  const [leaf] = must(parseCertificates(serving.chainPem))
  assert.deepEqual([leaf?.dnsSans, leaf?.ipSans], [['tulle-control', 'localhost'], [ip]])
  assert.equal(spiffeIdOf(leaf!).ok, false)
  assert.ok(believed([serving.chainPem], ca.rootsPem, clock.nowMs()))
})

describe('parseRoot', () => {
  const times = { notBeforeMs: 0, notAfterMs: 4e12 }
  const root = createRoot({ subject: { commonName: 'root' }, ...times })
  const middle = createRoot({ subject: { commonName: 'middle' }, issuer: root, ...times })
  const other = createRoot({ subject: { commonName: 'other' }, ...times })
  const pem = (...signers: readonly Signer[]): string => joinPem(signers.map((signer) => signer.certificate))
  const leaf = must(authority().signWorkload(request, web)).chainPem.join('')

  test('takes an intermediate with the root above it', () => {
    const found = must(parseRoot('root', pem(middle, root), keyPem(middle.key)))
    assert.deepEqual([found.chain.length, found.root.serial], [2, root.certificate.serial])
  })

  const broken: readonly (readonly [string, string, string | undefined, RegExp])[] = [
    ['no certificate', '', undefined, /found none/u],
    ['text that is no PEM', 'hello', undefined, /found none/u],
    ['the key of another', pem(root), keyPem(other.key), /that of another/u],
    [
      'an intermediate without its root',
      pem(middle),
      keyPem(middle.key),
      /expected a self-signed root at the end/u,
    ],
    ['the root first', pem(root, middle), keyPem(root.key), /expected to be signed by certificate 2/u],
    ['a stranger between', pem(middle, other), keyPem(middle.key), /certificate 1: expected to be signed/u],
    ['a leaf', leaf, keyPem(pair.privateKey), /expected a CA/u],
    ['a key that is no PEM', pem(root), 'hello', /expected a private key/u],
  ]
  for (const [name, certificates, key, expected] of broken) {
    test(`refuses ${name}`, () => {
      const found = parseRoot('root', certificates, key)
      assert.match(found.ok ? 'accepted' : found.error, expected)
    })
  }
})
