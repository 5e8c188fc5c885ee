// The authority, its service, node tokens, the serving certificate and the node's store, over TLS on loopback.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  caService,
  loadOrCreateAuthority,
  loadTokenKey,
  mintNodeToken,
  ServingCredentials,
  verifyNodeToken,
} from '@tulle/ca'
import { CertificateStore, grpcCaClient } from '@tulle/control-client'
import type { WorkloadCertificate } from '@tulle/control-client'
import { must, seededRng, TestClock } from '@tulle/core'
import { parseSpiffeId, parseTrustDomain, rootsOf, spiffeId } from '@tulle/identity'
import { certificateService } from '@tulle/proto'
import { silentLog } from '@tulle/runtime'
import { parseCertificates, verifyChain } from '@tulle/x509'
import { Server } from '@grpc/grpc-js'

const trustDomain = must(parseTrustDomain('cluster.local'))
const [web, db, elsewhere] = ['web', 'db', 'elsewhere'].map((account) =>
  spiffeId(must(parseSpiffeId(`spiffe://cluster.local/ns/shop/sa/${account}`))),
)
const hourMs = 3_600_000
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tulle-rotation-'))
})
after(() => rm(folder, { recursive: true }))

/** Whether a holder of `verifier` believes the other: what both ends of a tunnel do. */
function believes(verifier: WorkloadCertificate, peer: WorkloadCertificate, nowMs: number): boolean {
  const [leaf, ...intermediates] = must(parseCertificates(peer.chainPem))
  const roots = must(parseCertificates(rootsOf(verifier.bundle, trustDomain).join('')))
  return verifyChain({ leaf: leaf!, intermediates, roots, nowMs }).ok
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

test('a root is replaced without one moment in which two workloads do not believe each other', async () => {
  // OpenSSL reads the machine's clock for the server's certificates: this one stays behind it, within their day.
  const clock = new TestClock(Date.now() - 8 * hourMs)
  const authority = await loadOrCreateAuthority({
    folder: join(folder, 'ca'),
    trustDomain,
    clock,
  })
  const tokenKey = await loadTokenKey(join(folder, 'tokens.key'))
  const deps = { clock, log: silentLog }
  const rootsFile = join(folder, 'control-roots.pem')
  const tokenFile = join(folder, 'token')
  await writeFile(rootsFile, authority.rootsPem)
  await writeFile(tokenFile, await mintNodeToken(tokenKey, { node: 'node-1', ttlMs: 24 * hourMs, clock }))

  await using cleanUp = new AsyncDisposableStack()
  const server = new Server()
  cleanUp.defer(() => server.forceShutdown())
  server.addService(
    certificateService,
    caService(
      {
        authority,
        authenticate: (token) => verifyNodeToken(tokenKey, token, clock),
        authorizeNode: ({ node }, identity) =>
          (node === 'node-1' && identity !== elsewhere) || `${identity} does not run on ${node}`,
      },
      deps,
    ),
  )
  using serving = new ServingCredentials({ authority, names: ['tulle-control'], ips: [] }, deps)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', serving, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const caClient = grpcCaClient({ address: `127.0.0.1:${port}`, rootsFile, tokenFile }, { clock })
  await using store = new CertificateStore({ caClient, ttlMs: hourMs }, { ...deps, rng: seededRng(5) })
  const lists: (readonly WorkloadCertificate[])[] = []
  store.subscribe((list) => lists.push(list))
  await store.start(new AbortController().signal)
  store.want(web!)
  store.want(db!)
  await until(() => store.current.length === 2 || store.status.some((entry) => entry.lastError !== undefined))
  assert.deepEqual(
    store.status.map((entry) => entry.lastError),
    [undefined, undefined],
  )

  const nextMs = (): number => Math.min(...store.status.map((entry) => entry.nextRequestMs))
  /** A lifetime passes; whatever any list held is believed by whatever the same moment's list holds. */
  async function live(): Promise<void> {
    const endMs = clock.nowMs() + hourMs
    while (clock.nowMs() < endMs) {
      await clock.advance(nextMs() - clock.nowMs())
      await until(() => nextMs() > clock.nowMs())
      const [one, other] = store.current
      assert.ok(believes(one!, other!, clock.nowMs()) && believes(other!, one!, clock.nowMs()))
    }
  }

  await live()
  await authority.addRoot('second')
  await writeFile(rootsFile, authority.rootsPem)
  await live()
  const old = store.current[0]!
  assert.equal(rootsOf(old.bundle, trustDomain).length, 2)
  await authority.setSigner('second')
  store.refresh()
  await until(() => nextMs() > clock.nowMs())
  assert.ok(believes(store.current[0]!, old, clock.nowMs()), 'a peer that has not renewed yet')
  assert.ok(believes(old, store.current[0]!, clock.nowMs()))
  await live()
  await authority.removeRoot('root')
  await writeFile(rootsFile, authority.rootsPem)
  await live()
  assert.equal(rootsOf(store.current[0]!.bundle, trustDomain).length, 1)
  assert.ok(!believes(store.current[0]!, old, old.notAfterMs - 1), 'nothing of the removed root is believed')
  assert.ok(lists.every((list) => list.length > 0))

  store.want(elsewhere!)
  await until(() => store.status.some((entry) => entry.lastError !== undefined))
  const refused = store.status.find((entry) => entry.identity === elsewhere)
  assert.equal(refused?.state, 'failing')
  assert.match(refused?.lastError ?? '', /PERMISSION_DENIED: .* does not run on node-1/u)
})
