import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LastServed } from './last-served.ts'
import { testCertificate, testId, testRoot } from './test-certificates.ts'
import { startClient, startServer } from './test-pair.ts'

test('ServedWorkload.othersServed tells of others since it was last asked, and not of itself', () => {
  const thread = new LastServed()
  const [own, other] = [thread.workload(), thread.workload()]
  assert.equal(own.othersServed(), true, 'before it was asked once nothing is known')
  own.note()
  assert.equal(own.othersServed(), false)
  other.note()
  own.note()
  assert.equal(own.othersServed(), true, 'also where it was served after them')
  assert.equal(own.othersServed(), false)
  assert.equal(other.othersServed(), true)
})

const root = testRoot()
const trusts = { 'cluster.local': [root] }
const certificate = (name: string) => testCertificate({ root, identity: testId(name), trusts })

test('case 26: what a session reads counts for its workload, at both of its ends', async () => {
  const [far, near] = [new LastServed(), new LastServed()]
  const [farNeighbour, nearNeighbour] = [far.workload(), near.workload()]
  await using server = await startServer(certificate('books'), {
    served: far.workload(),
    onTunnel: (tunnel) => tunnel.refuse('503'),
  })
  using client = startClient(certificate('shopper'), { served: near.workload() })
  const session = await client.acquire(server.port, [testId('books')])
  if (!session.ok) throw new Error(session.error.message)
  farNeighbour.othersServed()
  nearNeighbour.othersServed()
  const answered = Promise.withResolvers<void>()
  session.value.open([':method', 'CONNECT', ':authority', '127.0.0.1:80'], {
    onHeaders: () => answered.resolve(),
    onData: () => false,
    onEnd: () => undefined,
    onReset: () => undefined,
    onWritable: () => undefined,
  })
  await answered.promise
  assert.deepEqual([farNeighbour.othersServed(), nearNeighbour.othersServed()], [true, true])
})
