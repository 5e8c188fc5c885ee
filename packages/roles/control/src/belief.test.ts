import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadOrCreateAuthority } from '@tulle/ca'
import { createGraph } from '@tulle/collections'
import { must, TestClock } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import type { RevocationList } from '@tulle/identity'
import { commandList, followAuthority } from './belief.ts'

test('what the authority says while objects are read in slices is taken after them, and nobody has it before', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'tulle-belief-'))
  context.after(() => rm(folder, { recursive: true }))
  const trustDomain = must(parseTrustDomain('cluster.local'))
  const authority = await loadOrCreateAuthority({ folder, trustDomain, clock: new TestClock() })
  const graph = createGraph()
  const objects = graph.source<number>('objects')
  using belief = followAuthority(
    graph,
    { revocations: graph.source<RevocationList>('revocations') },
    authority,
  )
  const before = belief.bundleRevision
  const identity = 'spiffe://cluster.local/ns/shop/sa/cart'
  let isOver = false
  const revoked = authority.revoke({ identities: [identity], serials: [] }).finally(() => (isOver = true))
  await graph.transactionInSlices(function* steps() {
    for (let i = 0; !isOver; i++) yield objects.set(`o${i % 1000}`, i)
    assert.equal(belief.bundleRevision, Infinity)
    assert.equal(belief.lists.size, 0)
  })
  await revoked
  await belief.settled()
  assert.deepEqual(belief.lists.get(commandList)?.identities, [identity])
  assert.equal(belief.bundleRevision, before, 'roots and signer are what they were')
})
