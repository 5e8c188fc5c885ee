import assert from 'node:assert/strict'
import { createSecureServer } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { connect } from 'node:net'
import { test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import { defaultLimits } from './limits.ts'
import { addressUpdate, testAddress, testWorkload } from './test-mesh.ts'
import { tlsOptions } from './test-raw-hbone.ts'
import { certificateOf, planeOf } from './test-wire-plane.ts'

const turnOfLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test("case 25: a destination's proxy that never answers a CONNECT is waited for no longer than the limit", async (t) => {
  const clock = new TestClock(systemClock.nowMs())
  const callerIp = testAddress(21)
  const silentIp = testAddress(22)
  const server = createSecureServer({ ...tlsOptions(certificateOf('books')), requestCert: true })
  t.after(() => server.close())
  const asked = new Promise<ServerHttp2Stream>((resolve) => server.once('stream', resolve))
  await new Promise<void>((resolve) => server.listen(15_008, silentIp, resolve))
  const listen = { ip: callerIp, port: 24_901 }
  const fixedOutbound = [{ listen, destination: { ip: silentIp, port: 9 } }]
  await using plane = await planeOf('shopper', { fixedOutbound }, 9, { clock })
  await plane.apply(addressUpdate([testWorkload('silent', silentIp, { serviceAccount: 'books' })]))
  const socket = connect({ host: callerIp, port: listen.port, localAddress: callerIp })
  socket.on('error', () => undefined).resume()
  const stream = await asked
  stream.on('error', () => undefined)
  await clock.advance(defaultLimits.answerTimeoutMs - 1000)
  assert.equal(socket.destroyed, false)
  await clock.advance(2000)
  for (let turn = 0; turn < 5000 && !(socket.closed && stream.closed); turn++) await turnOfLoop()
  assert.deepEqual([socket.closed, stream.closed], [true, true])
  const refused = (await plane.metrics()).families.find(({ name }) => name === 'tulle_workload_refused')
  assert.deepEqual(
    refused?.series.map(({ labels, values }) => [labels.at(-1), values[0]]),
    [['answer-timeout', 1]],
  )
})
