import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '@tulle/core'
import { silentLog } from '@tulle/runtime'
import { createDataPlane } from './create-data-plane.ts'
import {
  addressUpdate,
  policyUpdate,
  startApp,
  testAddress,
  testCertificate,
  testWorkload,
} from './test-mesh.ts'
import { identityOfAccount } from './test-mesh.ts'
import { echo, root } from './test-pair.ts'

const workloads = [testWorkload('quiet', testAddress(61)), testWorkload('noisy', testAddress(62))]
const port = 7300
const conversations = 400
/** Of all workloads together. */
const eventsOfTurn = 32
const enough = 50

test('case 26: a neighbour with four hundred conversations has one share of the thread, not four hundred', async () => {
  await using stack = new AsyncDisposableStack()
  const app = stack.use(await startApp('127.0.0.1', echo))
  const plane = stack.use(
    createDataPlane(
      { workers: 0 },
      { log: silentLog, clock: systemClock, onIdentityNeeded: () => undefined },
    ),
  )
  const enrolled = workloads.map(({ uid, addresses: [ip = ''] }) =>
    plane.addWorkload({
      uid,
      namespace: 'shop',
      name: uid,
      serviceAccount: uid,
      netns: undefined,
      listeners: {
        fixedPlaintext: [{ listen: { ip, port }, destination: { ip: '127.0.0.1', port: app.port } }],
      },
    }),
  )
  await plane.apply(policyUpdate([]))
  await plane.apply(addressUpdate(workloads))
  await plane.setCertificates(
    workloads.map(({ uid }) => testCertificate({ root, identity: identityOfAccount(uid) })),
  )
  await Promise.all(enrolled)
  /** Goes on as fast as it is answered. */
  const converse = async (host: string, onAnswer: () => void): Promise<void> => {
    const socket = connect({ host, port, noDelay: true })
    socket.on('error', () => undefined)
    stack.defer(() => void socket.destroy())
    await once(socket, 'connect')
    socket.on('data', () => {
      onAnswer()
      socket.write('x')
    })
    socket.write('x')
  }
  let ofNoisy = 0
  let ofQuiet = 0
  const done = Promise.withResolvers<void>()
  await Promise.all(Array.from({ length: conversations }, () => converse(testAddress(62), () => ofNoisy++)))
  ofNoisy = 0
  await converse(testAddress(61), () => {
    if (++ofQuiet === enough) done.resolve()
  })
  await done.promise
  const each = ofNoisy / ofQuiet
  assert.ok(each < eventsOfTurn, `${each} answers of the neighbour for one`)
})
