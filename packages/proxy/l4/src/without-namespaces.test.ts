import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from './test-mesh.ts'
import { clientAddress, echo, echoed, serverAddress, startPair } from './test-pair.ts'

// Where nothing is redirected, applications are not at the addresses that the mesh knows.

/** As manifests name it; nobody listens there. */
const manifestPort = 4080

test('what comes to a port of the workload goes where its application listens, and policy sees that port', async () => {
  await using app = await startApp('127.0.0.1', echo)
  const applications = [{ port: manifestPort, address: { ip: '127.0.0.1', port: app.port } }]
  await using pair = await startPair(manifestPort, { listeners: { server: { applications } } })
  assert.equal(await echoed(pair, 'hello'), 'hello')
  const lines = await pair.logged(2)
  const inbound = lines.find(({ direction }) => direction === 'inbound')
  assert.equal(inbound?.['dst'], `${serverAddress}:${manifestPort}`)
})

test('connections of an application count as coming from its workload, wherever they come from', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port, {
    listeners: { client: { sourceIp: clientAddress } },
    callFrom: '127.0.0.1',
  })
  assert.equal(await echoed(pair, 'hello'), 'hello')
  const sources = (await pair.logged(2)).map(({ src }) => String(src).replace(/:\d+$/u, ''))
  assert.deepEqual(sources, [clientAddress, clientAddress])
})
