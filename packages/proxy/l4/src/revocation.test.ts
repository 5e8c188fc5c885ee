import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { noRevocations } from '@tulle/identity'
import { identityOfAccount, startApp, testCertificate } from './test-mesh.ts'
import { echo, over, readAll, root, serverAddress, startPair } from './test-pair.ts'

const shopperCertificate = testCertificate({ root, identity: identityOfAccount('shopper') })

for (const [what, revoked] of [
  ['an identity', { identities: new Set([identityOfAccount('shopper')]), serials: new Set<string>() }],
  ['a serial', { identities: new Set<string>(), serials: new Set([shopperCertificate.serial]) }],
] as const) {
  test(`case 31: revoking ${what} ends its connections, says why, and refuses new ones until it is taken back`, async () => {
    await using app = await startApp(serverAddress, echo)
    await using pair = await startPair(app.port, { clientCertificate: shopperCertificate })
    const socket = pair.call()
    socket.write('x')
    await once(socket, 'data')
    const ended = over(socket)
    await pair.server.setRevocations(revoked)
    await ended
    const errors = (await pair.logged(2)).map((line) => line['error'])
    assert.ok(errors.includes('revoked'), `the log says ${errors.join(', ')}`)
    await over(pair.call())
    const { families } = await pair.server.metrics()
    const refused = families.find((family) => family.name === 'tulle_hbone_refused')
    assert.deepEqual(refused?.series, [{ labels: ['revoked'], values: [1] }])
    await pair.server.setRevocations(noRevocations)
    const again = pair.call()
    again.end('y')
    assert.equal((await readAll(again)).toString(), 'y')
  })
}

test('case 31: a serial that is revoked leaves other certificates of the identity alone', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port, { clientCertificate: shopperCertificate })
  const other = testCertificate({ root, identity: identityOfAccount('shopper') })
  await pair.server.setRevocations({ identities: new Set(), serials: new Set([other.serial]) })
  const socket = pair.call()
  socket.end('y')
  assert.equal((await readAll(socket)).toString(), 'y')
})

test('case 31: revoking the identity that is called ends the connections to it', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port)
  const socket = pair.call()
  socket.write('x')
  await once(socket, 'data')
  const ended = over(socket)
  await pair.client.setRevocations({
    identities: new Set([identityOfAccount('books')]),
    serials: new Set(),
  })
  await ended
  await over(pair.call())
  const errors = (await pair.logged(3)).map((line) => String(line['error']))
  assert.ok(errors.includes('revoked'), `the log says ${errors.join(', ')}`)
  assert.ok(
    errors.some((error) => /serial .* is revoked/u.test(error)),
    errors.join(', '),
  )
})
