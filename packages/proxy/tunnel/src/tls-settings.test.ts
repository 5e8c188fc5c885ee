import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:tls'
import { test } from 'node:test'
import { certificatePem } from '@tulle/x509'
import { testCertificate, testId, testRoot } from './test-certificates.ts'
import { startServer } from './test-pair.ts'
import { clientContextOptions, serverContextOptions } from './tls-settings.ts'

const root = testRoot()
const other = testRoot()

test('a lone leaf goes out with the root that signed it, found once and not in every handshake', () => {
  const own = testCertificate({
    root,
    identity: testId('books'),
    trusts: { 'cluster.local': [other, root] },
  })
  const certificates = String(serverContextOptions(own).cert).match(/-----BEGIN/gu)
  assert.equal(certificates?.length, 2)
  assert.ok(String(serverContextOptions(own).cert).includes(certificatePem(root.certificate).trim()))
})

test('a chain with more than its leaf stays as it is, and so does a leaf of nobody known', () => {
  const own = testCertificate({ root, identity: testId('books'), trusts: { 'cluster.local': [root] } })
  const chainPem = own.chainPem + certificatePem(other.certificate)
  assert.equal(clientContextOptions({ ...own, chainPem }).cert, chainPem)
  const stranger = testCertificate({ root, identity: testId('books'), trusts: { 'cluster.local': [other] } })
  assert.equal(clientContextOptions(stranger).cert, stranger.chainPem)
})

test('a peer sees leaf and root', async () => {
  const trusts = { 'cluster.local': [root] }
  const own = testCertificate({ root, identity: testId('books'), trusts })
  const peer = testCertificate({ root, identity: testId('shopper'), trusts })
  await using server = await startServer(own)
  const socket = connect({
    ...clientContextOptions(peer),
    host: '127.0.0.1',
    port: server.port,
    ALPNProtocols: ['h2'],
    checkServerIdentity: () => undefined,
  })
  await once(socket, 'secureConnect')
  const leaf = socket.getPeerX509Certificate()
  assert.ok(leaf?.issuerCertificate?.verify(leaf.issuerCertificate.publicKey))
  socket.destroy()
})
