/** The whole of in-pod capture, as root and as an ordinary user in namespaces of its own. */
import assert from 'node:assert/strict'
import { socketFd } from '../node-handles.ts'
import {
  inboundPlaintextPort,
  inboundTunnelPort,
  installCapture,
  outboundPort,
  proxyMark,
} from '../nftables.ts'
import { originalDestination } from '../sockets.ts'
import { addressOf, answering, ask, plain, twoWorkloads } from './two-workloads.ts'

const appPort = 9000

/** Throws an AssertionError where capture does not do what nftables.ts promises. */
export async function checkCapture(family: 4 | 6): Promise<void> {
  using net = twoWorkloads()
  const { a, b } = net
  const hostA = addressOf.a[family]
  const hostB = addressOf.b[family]
  const toApp = { host: hostB, port: appPort }
  using _app = answering(
    { netns: b, port: appPort },
    (socket) => `app, called by ${plain(socket.remoteAddress)}`,
  )
  assert.equal(await ask(toApp, { netns: a, family }), `app, called by ${hostA}`, 'before capture')

  for (const netns of [a, b]) {
    installCapture({ netns })
    installCapture({ netns })
  }
  const describe = (name: string) => (socket: Parameters<typeof socketFd>[0]) => {
    const original = originalDestination(socketFd(socket))
    return `${name}, ${original?.address} ${original?.port}, from ${plain(socket.remoteAddress)}`
  }
  using _outbound = answering({ netns: a, port: outboundPort }, describe('outbound'))
  using _inbound = answering({ netns: b, port: inboundPlaintextPort }, describe('inbound'))
  using _tunnel = answering({ netns: b, port: inboundTunnelPort }, () => 'tunnel')

  const outbound = `outbound, ${hostB} ${appPort}, from ${hostA}`
  assert.equal(await ask(toApp, { netns: a, family }), outbound, 'what an application sends is captured')

  const marked = { netns: a, family, mark: proxyMark } as const
  const inbound = `inbound, ${hostB} ${appPort}, from ${hostA}`
  assert.equal(await ask(toApp, marked), inbound, "the proxy's own sockets are not captured where they leave")

  const toTunnel = { host: hostB, port: inboundTunnelPort }
  assert.equal(await ask(toTunnel, marked), 'tunnel', 'the tunnel port is not redirected')

  const asClient = { bindTo: { address: hostA, port: 0 }, transparent: true, mark: proxyMark }
  const kept = await ask(toApp, { netns: b, family, ...asClient })
  assert.equal(kept, `app, called by ${hostA}`, 'the workload sees the address of its client')

  const itself = await ask(toApp, { netns: b, family })
  assert.equal(itself, `app, called by ${hostB}`, 'a workload that calls itself is left alone')
}
