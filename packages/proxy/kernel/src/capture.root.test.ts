import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import type { Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { inNetns } from './netns.ts'
import {
  installCapture,
  installStrictDrop,
  listCapture,
  removeCapture,
  removeStrictDrop,
} from './nftables.ts'
import { withRtnetlink } from './rtnetlink.ts'
import { checkCapture } from './testing/capture-scenario.ts'
import { addressOf, answering, ask, twoWorkloads } from './testing/two-workloads.ts'

const run = promisify(execFile)

test('installCapture redirects, keeps sources and does not loop, over IPv4', () => checkCapture(4))

test('installCapture redirects, keeps sources and does not loop, over IPv6', () => checkCapture(6))

test('installCapture works for an ordinary user in namespaces of its own', async () => {
  const scenario = fileURLToPath(new URL('testing/capture-scenario.ts', import.meta.url))
  const code = `
    const { checkCapture } = await import(${JSON.stringify(scenario)})
    await checkCapture(4)
    await checkCapture(6)
    console.log('captured as uid', process.getuid(), (await import('node:fs')).readFileSync('/proc/self/uid_map', 'utf8').trim())`
  const drop = ['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs']
  const node = [process.execPath, '--input-type=module', '--eval', code]
  const { stdout } = await run('setpriv', [...drop, 'unshare', '-Urnm', ...node], { cwd: '/' })
  assert.match(stdout, /^captured as uid 0 0\s+65534\s+1\s*$/u)
})

test('removeCapture takes rules and routes away, twice as well as once', async () => {
  using net = twoWorkloads()
  installCapture({ netns: net.a })
  assert.deepEqual(
    listCapture({ netns: net.a }).map(({ name, type, rules }) => [name, type, rules.length]),
    [
      ['mark_in', 'filter', 1],
      ['mark_out', 'route', 1],
      ['inbound', 'nat', 2],
      ['outbound', 'nat', 3],
    ],
  )
  const marked = (): readonly number[] =>
    withRtnetlink(net.a, (route) => [
      route.rules().filter(({ mark }) => mark === 0x111).length,
      route.routes().filter(({ table }) => table === 100).length,
    ])
  assert.deepEqual(marked(), [2, 2])
  removeCapture({ netns: net.a })
  removeCapture({ netns: net.a })
  assert.deepEqual(listCapture({ netns: net.a }), [])
  assert.deepEqual(marked(), [0, 0])
  using _app = answering({ netns: net.b, port: 9000 }, () => 'straight')
  const to = { host: addressOf.b[4], port: 9000 }
  assert.equal(await ask(to, { netns: net.a, family: 4 }), 'straight')
})

for (const family of [4, 6] as const) {
  test(`installStrictDrop lets DNS and TCP through and drops other UDP, over IPv${family}`, async () => {
    using net = twoWorkloads()
    const host = addressOf.b[family]
    installStrictDrop({ netns: net.b })
    installStrictDrop({ netns: net.b })
    using _app = answering({ netns: net.b, port: 9000 }, () => 'tcp')
    assert.equal(await ask({ host, port: 9000 }, { netns: net.a, family }), 'tcp')
    const dns = await udpEcho(net.b, host, 53)
    const other = await udpEcho(net.b, host, 5000)
    const client = await udpSocket(net.a, addressOf.a[family], 0)
    const answers: string[] = []
    client.on('message', (message) => answers.push(message.toString()))
    const answered = (): Promise<unknown> => once(client, 'message')
    const drop = listCapture({ netns: net.b })
    assert.equal(drop.length, 2)
    let answer = answered()
    client.send('to 5000', 5000, host)
    client.send('to 53', 53, host)
    await answer
    assert.deepEqual(answers, ['to 53'])
    const { port, address } = client.address()
    const refused = await new Promise((resolve) => {
      other.send('from 5000', port, address, (error) => resolve(error?.message))
    })
    assert.match(String(refused), /EPERM/u, 'what is dropped towards the workload is dropped from it too')
    removeStrictDrop({ netns: net.b })
    answer = answered()
    client.send('again to 5000', 5000, host)
    await answer
    assert.deepEqual(answers, ['to 53', 'again to 5000'])
    for (const socket of [dns, other, client]) socket.close()
  })
}

test('installStrictDrop between prefixes leaves other addresses alone', async () => {
  using net = twoWorkloads()
  for (const between of [['10.78.0.0/16', 'fd78::/32'], ['10.77.0.0/16']]) {
    installStrictDrop({ netns: net.b, between })
    const echo = await udpEcho(net.b, addressOf.b[4], 5000)
    const client = await udpSocket(net.a, addressOf.a[4], 0)
    const dns = await udpEcho(net.b, addressOf.b[4], 53)
    const answer = once(client, 'message')
    client.send('other', 5000, addressOf.b[4])
    client.send('dns', 53, addressOf.b[4])
    const [message] = await answer
    assert.equal(String(message), between.length === 2 ? 'other' : 'dns')
    for (const socket of [echo, dns, client]) socket.close()
  }
})

/** Binding is synchronous for addresses, so the socket is made inside the namespace. */
async function udpSocket(netns: number, address: string, port: number): Promise<UdpSocket> {
  const socket = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    lookup: (host, _options, done) => done(null, host, host.includes(':') ? 6 : 4),
  })
  const listening = once(socket, 'listening')
  inNetns(netns, () => void socket.bind({ address, port, exclusive: true }))
  await listening
  return socket
}

async function udpEcho(netns: number, address: string, port: number): Promise<UdpSocket> {
  const socket = await udpSocket(netns, address, port)
  socket.on('message', (message, from) => socket.send(message, from.port, from.address))
  return socket
}
