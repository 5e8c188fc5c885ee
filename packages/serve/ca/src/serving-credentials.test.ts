import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { test } from 'node:test'
import { Server } from '@grpc/grpc-js'
import { must, TestClock } from '@tulle/core'
import { noRevocations, parseTrustDomain } from '@tulle/identity'
import { parseIpAddress } from '@tulle/mesh'
import { silentLog } from '@tulle/runtime'
import { CertificateAuthority } from './authority.ts'
import type { ServingCertificate } from './authority.ts'
import { makeRoot } from './authority-root.ts'
import { ServingCredentials } from './serving-credentials.ts'

const trustDomain = must(parseTrustDomain('cluster.local'))
const localhost = must(parseIpAddress('127.0.0.1'))
const dayMs = 86_400_000

function authority(clock: TestClock): CertificateAuthority {
  const root = makeRoot({ name: 'root', trustDomain, nowMs: clock.nowMs() })
  const state = { roots: [root], signer: 'root', revocations: noRevocations }
  return new CertificateAuthority({ trustDomain, state }, { clock, save: async () => {} })
}

async function dial(
  port: number,
  ca: string,
  maxVersion: 'TLSv1.3' | 'TLSv1.2' = 'TLSv1.3',
): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca,
    servername: 'tulle-control',
    ALPNProtocols: ['h2'],
    maxVersion,
  })
  await once(socket, 'secureConnect')
  return socket
}

test('ServingCredentials renew at half life and when the signer changes; new connections get the new one', async () => {
  // OpenSSL reads the machine's clock, so the certificates before and after the half day have to be valid on it.
  const clock = new TestClock(Date.now() - dayMs / 2)
  const ca = authority(clock)
  const rotated: ServingCertificate[] = []
  using serving = new ServingCredentials(
    { authority: ca, names: ['tulle-control'], ips: [localhost], onRotate: (next) => rotated.push(next) },
    { clock, log: silentLog },
  )
  const server = new Server()
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', serving, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  try {
    const serialNow = async (): Promise<string | undefined> => {
      using socket = disposable(await dial(port, ca.rootsPem))
      return socket.value.getPeerX509Certificate()?.serialNumber
    }
    const first = await serialNow()
    assert.equal(await serialNow(), first)
    await clock.advance(dayMs / 2 - 60_000)
    assert.equal(rotated.length, 1)
    await clock.advance(120_000)
    assert.equal(rotated.length, 2)
    assert.notEqual(await serialNow(), first)

    await ca.addRoot('second')
    assert.equal(rotated.length, 2)
    await ca.setSigner('second')
    assert.equal(rotated.length, 3)
    await ca.removeRoot('root')
    await serialNow()
    await assert.rejects(dial(port, ca.rootsPem, 'TLSv1.2'), /protocol version/u)
  } finally {
    server.forceShutdown()
  }
})

test('ServingCredentials leave no timer behind', () => {
  const clock = new TestClock()
  const serving = new ServingCredentials(
    { authority: authority(clock), names: ['tulle-control'], ips: [] },
    { clock, log: silentLog },
  )
  assert.equal(clock.pending, 1)
  serving[Symbol.dispose]()
  assert.equal(clock.pending, 0)
})

function disposable(value: TLSSocket): Disposable & { readonly value: TLSSocket } {
  return { value, [Symbol.dispose]: () => void value.destroy() }
}
