import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must, TestClock } from '@tulle/core'
import { noRevocations, parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import { silentLog } from '@tulle/runtime'
import { CertificateAuthority } from './authority.ts'
import { makeRoot } from './authority-root.ts'
import { RootRotation } from './root-rotation.ts'

const trustDomain = must(parseTrustDomain('cluster.local'))
const web = spiffeId(must(parseSpiffeId('spiffe://cluster.local/ns/shop/sa/web')))
const dayMs = 86_400_000

interface World {
  readonly clock: TestClock
  readonly authority: CertificateAuthority
  readonly rotation: RootRotation
  behind: readonly string[]
}

async function world(): Promise<World> {
  const clock = new TestClock(1_700_000_000_000)
  const root = makeRoot({ name: 'root', trustDomain, nowMs: clock.nowMs() })
  const authority = new CertificateAuthority(
    { trustDomain, state: { roots: [root], signer: 'root', revocations: noRevocations } },
    { clock, save: () => Promise.resolve() },
  )
  const made: World = {
    clock,
    authority,
    behind: ['n1'],
    rotation: new RootRotation({
      authority,
      clock,
      log: silentLog,
      behind: () => made.behind,
      holders: () => [{ node: 'n1', identity: web }],
    }),
  }
  await made.rotation.start(new AbortController().signal)
  return made
}

const signer = ({ authority }: World): string | undefined => authority.roots.find(({ signs }) => signs)?.name

test('RootRotation takes each step when everybody has the one before, and not earlier', async () => {
  const it = await world()
  await it.rotation.begin()
  await it.clock.advance(60_000)
  assert.deepEqual([signer(it), it.rotation.status?.stage], ['root', 'spreading'])
  assert.deepEqual(it.rotation.status?.waitsFor, ['n1'])
  it.behind = []
  await it.clock.advance(10_000)
  assert.deepEqual([signer(it), it.rotation.status?.stage], ['root-2', 'renewing'])
  await it.clock.advance(60_000)
  assert.deepEqual(it.rotation.status?.waitsFor, [`${web} on n1`])
  assert.equal(it.authority.roots.length, 2, 'the old root stays while somebody has only its certificate')
  it.rotation.issued({ node: 'n1' }, web)
  await it.clock.advance(10_000)
  assert.deepEqual(
    it.authority.roots.map(({ name }) => name),
    ['root-2'],
  )
  await it.clock.advance(10_000)
  assert.equal(it.rotation.status, undefined)
  await it.rotation[Symbol.asyncDispose]()
})

test('RootRotation waits for who is away until its certificates are over, and no longer', async () => {
  const it = await world()
  await it.rotation.begin()
  await it.clock.advance(dayMs - 60_000)
  assert.equal(signer(it), 'root')
  await it.clock.advance(120_000)
  assert.equal(signer(it), 'root-2')
  await it.rotation[Symbol.asyncDispose]()
})

test('RootRotation begins once, and goes on after a restart where it was', async () => {
  const it = await world()
  await it.rotation.begin()
  await assert.rejects(it.rotation.begin(), { code: 'CA_ROTATION' })
  await it.rotation[Symbol.asyncDispose]()
  it.behind = []
  const again = new RootRotation({
    authority: it.authority,
    clock: it.clock,
    log: silentLog,
    behind: () => it.behind,
    holders: () => [],
  })
  await again.start(new AbortController().signal)
  await it.clock.advance(30_000)
  assert.deepEqual(
    it.authority.roots.map(({ name }) => name),
    ['root-2'],
  )
  await again[Symbol.asyncDispose]()
})
