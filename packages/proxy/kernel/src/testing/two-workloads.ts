/** Two workloads on a bridge, for tests: namespaces `a` and `b`, each with an `eth0`, IPv4 and IPv6. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { closeFd, newNetns } from '../netns.ts'
import type { NetnsFd } from '../netns.ts'
import { connectTcpFd } from '../node-handles.ts'
import { withRtnetlink } from '../rtnetlink.ts'
import { listenTcp, openTcpSocket } from '../sockets.ts'
import type { OpenTcpSocketOptions } from '../sockets.ts'

export interface TwoWorkloads extends Disposable {
  readonly bridge: NetnsFd
  readonly a: NetnsFd
  readonly b: NetnsFd
}

export const addressOf = {
  a: { 4: '10.77.1.1', 6: 'fd77::1:1' },
  b: { 4: '10.77.1.2', 6: 'fd77::1:2' },
} as const

export function twoWorkloads(): TwoWorkloads {
  const bridge = newNetns()
  withRtnetlink(bridge, (route) => {
    route.addBridge('br0')
    route.setLink('br0', { up: true })
  })
  const workloads = { a: newNetns(), b: newNetns() }
  for (const name of ['a', 'b'] as const) attach(bridge, workloads[name], name)
  return {
    bridge,
    ...workloads,
    [Symbol.dispose]: () => [bridge, workloads.a, workloads.b].forEach(closeFd),
  }
}

/** Accepts on an address of a namespace and answers every connection with a line made of it, then ends. */
export function answering(
  where: { readonly netns: NetnsFd; readonly port: number; readonly reusePort?: boolean },
  answer: (socket: Socket) => string,
): Server & Disposable {
  const fd = listenTcp({ address: '::', transparent: true, ...where })
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.resume()
    socket.on('error', () => socket.destroy())
    socket.end(answer(socket))
  }).listen({ fd })
  return Object.assign(server, { [Symbol.dispose]: () => void server.close() })
}

/** What a server says to a connection that is made with these socket options. */
export async function ask(
  to: { readonly host: string; readonly port: number },
  options: OpenTcpSocketOptions,
): Promise<string> {
  const socket = connectTcpFd({ fd: openTcpSocket(options), ...to })
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    text += chunk
  })
  await once(socket, 'end')
  socket.destroy()
  return text
}

/** The peer or a local address as text, without the IPv4-mapped form. */
export function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/u, '')
}

function attach(bridge: NetnsFd, netns: NetnsFd, name: 'a' | 'b'): void {
  withRtnetlink(bridge, (route) => {
    route.addVeth({ name: `to-${name}` }, { name: 'eth0', netns })
    route.setLink(`to-${name}`, { up: true, master: 'br0' })
  })
  withRtnetlink(netns, (route) => {
    route.setLink('lo', { up: true })
    route.setLink('eth0', { up: true })
    route.addAddress({ link: 'eth0', address: addressOf[name][4], prefixLength: 16 })
    route.addAddress({ link: 'eth0', address: addressOf[name][6], prefixLength: 64 })
  })
}
