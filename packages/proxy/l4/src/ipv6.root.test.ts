/** The whole path where there is no IPv4 at all: namespaces with redirection, addresses of IPv6 alone. */
import { createServer } from 'node:net'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@tulle/core'
import {
  closeFd,
  connectTcpFd,
  installCapture,
  listenTcp,
  newNetns,
  openTcpSocket,
  proxyMark,
  withRtnetlink,
} from '@tulle/kernel'
import { silentLog } from '@tulle/runtime'
import { createDataPlane } from './create-data-plane.ts'
import {
  addressUpdate,
  allowPolicy,
  identityOfAccount,
  policyUpdate,
  principals,
  testCertificate,
  testRoot,
  testService,
  testWorkload,
} from './test-mesh.ts'

const addresses = { shopper: 'fd77::9:1', books: 'fd77::9:2', thief: 'fd77::9:3' } as const
const vip = 'fd77:1::1'
const appPort = 9000
const root = testRoot()

/** What is answered to a connection from a namespace; '' where it was refused. */
function ask(netns: number, host: string, port: number, mark?: number): Promise<string> {
  const fd = openTcpSocket({ netns, family: 6, ...(mark !== undefined && { mark }) })
  const socket = connectTcpFd({ fd, host, port })
  let answer = ''
  socket.on('data', (bytes: Buffer) => (answer += bytes.toString()))
  socket.on('error', () => undefined)
  socket.on('end', () => socket.destroy())
  socket.end('who am I?')
  return new Promise((resolve) => socket.once('close', () => resolve(answer)))
}

test('case 39: IPv6 alone: calls by service and by address are carried, with their source; others are refused', async () => {
  await using stack = new AsyncDisposableStack()
  const bridge = newNetns()
  stack.defer(() => closeFd(bridge))
  withRtnetlink(bridge, (route) => {
    route.addBridge('br0')
    route.setLink('br0', { up: true })
  })
  const plane = createDataPlane(
    { workers: 0 },
    { log: silentLog, clock: systemClock, onIdentityNeeded: () => undefined },
  )
  stack.use(plane)
  const netnsOf = new Map<string, number>()
  const enrolled = Object.entries(addresses).map(([name, address]) => {
    const netns = newNetns()
    stack.defer(() => closeFd(netns))
    netnsOf.set(name, netns)
    withRtnetlink(bridge, (route) => {
      route.addVeth({ name: `to-${name}` }, { name: 'eth0', netns })
      route.setLink(`to-${name}`, { up: true, master: 'br0' })
    })
    withRtnetlink(netns, (route) => {
      route.setLink('lo', { up: true })
      route.setLink('eth0', { up: true })
      route.addAddress({ link: 'eth0', address, prefixLength: 64 })
      route.setRoute({ family: 6, via: 'fd77::1' })
    })
    installCapture({ netns })
    return plane.addWorkload({ uid: name, namespace: 'shop', name, serviceAccount: name, netns })
  })
  const [shopper = -1, books = -1, thief = -1] = netnsOf.values()
  const app = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    socket.resume()
    socket.on('end', () => socket.end(`called by ${socket.remoteAddress}`))
  }).listen({ fd: listenTcp({ netns: books, address: '::', port: appPort }) })
  stack.defer(() => void app.close())
  const ports = [{ servicePort: 80, targetPort: appPort, appProtocol: 'tcp' } as const]
  await plane.apply(policyUpdate([allowPolicy('books', principals('shopper'))]))
  await plane.apply(
    addressUpdate(
      [
        testWorkload('shopper', addresses.shopper),
        testWorkload('thief', addresses.thief),
        testWorkload('books', addresses.books, {
          policies: ['shop/books'],
          services: new Map([['shop/books.shop.svc.cluster.local', []]]),
        }),
      ],
      [testService('books', vip, { ports })],
    ),
  )
  await plane.setCertificates(
    Object.keys(addresses).map((name) => testCertificate({ root, identity: identityOfAccount(name) })),
  )
  await Promise.all(enrolled)
  assert.equal(await ask(shopper, vip, 80), `called by ${addresses.shopper}`)
  assert.equal(await ask(shopper, addresses.books, appPort), `called by ${addresses.shopper}`)
  assert.equal(await ask(thief, vip, 80), '')
  assert.equal(
    await ask(thief, addresses.books, appPort, proxyMark),
    '',
    'around its own proxy, in plaintext',
  )
})
