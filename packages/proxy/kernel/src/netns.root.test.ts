import assert from 'node:assert/strict'
import { once } from 'node:events'
import { fstatSync, openSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { closeFd, currentNetns, inNetns, netnsOfPid, newNetns, openNetns } from './netns.ts'
import { connectTcpFd } from './node-handles.ts'
import { disableIpv6 } from './nftables.ts'
import { capturePackets } from './packet-capture.ts'
import { withRtnetlink } from './rtnetlink.ts'
import { listenTcp, openTcpSocket } from './sockets.ts'
import { addressOf, answering, ask, plain, twoWorkloads } from './testing/two-workloads.ts'

function inode(netns: number): number {
  return fstatSync(netns).ino
}

function here(): number {
  const fd = currentNetns()
  const result = inode(fd)
  closeFd(fd)
  return result
}

test('inNetns comes back, also from a throw and from within another namespace', () => {
  const home = here()
  const outer = newNetns()
  const inner = newNetns()
  assert.equal(here(), home, 'newNetns comes back')
  const seen = inNetns(outer, () => {
    const nested = inNetns(inner, here)
    const made = newNetns()
    closeFd(made)
    return [here(), nested, here()]
  })
  assert.deepEqual(seen, [inode(outer), inode(inner), inode(outer)])
  assert.throws(() =>
    inNetns(outer, () => {
      throw new Error('thrown inside')
    }),
  )
  assert.equal(here(), home)
  closeFd(outer)
  closeFd(inner)
})

test('openNetns refuses what is no network namespace', () => {
  const own = netnsOfPid(process.pid)
  assert.equal(inode(own), here())
  closeFd(own)
  assert.throws(() => openNetns('/proc/self/ns/mnt'), {
    code: 'KERNEL_EINVAL',
    message: /found type 0x20000/u,
  })
  assert.throws(() => openNetns('/dev/null'), { code: 'KERNEL_ENOTTY' })
  const file = openSync('/dev/null', 'r')
  assert.throws(() => inNetns(file, here), { code: 'KERNEL_EINVAL' })
  closeFd(file)
})

test('worker threads share a port in a namespace, and each takes connections', async () => {
  using net = twoWorkloads()
  const module = fileURLToPath(new URL('testing/two-workloads.ts', import.meta.url))
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(${JSON.stringify(module)}).then(({ answering }) => {
      answering({ netns: workerData.netns, port: 9000, reusePort: true }, () => String(workerData.name))
      parentPort.postMessage('listening')
    })`
  const workers = ['one', 'two'].map(
    (name) => new Worker(code, { eval: true, workerData: { name, netns: net.a } }),
  )
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const to = { host: addressOf.a[4], port: 9000 }
  const answers = new Set<string>()
  // The kernel spreads by hash: 64 connections all on one side would be a chance of 2^-63.
  for (let i = 0; i < 64; i++) answers.add(await ask(to, { netns: net.b, family: 4 }))
  assert.deepEqual([...answers].toSorted(), ['one', 'two'])
  await Promise.all(workers.map((worker) => worker.terminate()))
})

test('openTcpSocket with transparent connects from an address the machine does not have', () => {
  using net = twoWorkloads()
  const bindTo = { address: '192.0.2.7', port: 0 }
  assert.throws(() => openTcpSocket({ netns: net.a, family: 4, bindTo }), { code: 'KERNEL_EADDRNOTAVAIL' })
  const fd = openTcpSocket({ netns: net.a, family: 4, bindTo, transparent: true })
  closeFd(fd)
})

test('capturePackets sees what passes between two workloads, until it has enough', async () => {
  using net = twoWorkloads()
  using _server = answering({ netns: net.b, port: 9000 }, (socket) => `hello ${plain(socket.remoteAddress)}`)
  using capture = capturePackets({
    netns: net.bridge,
    link: 'to-a',
    maxPackets: 100,
    keep: ({ tcp }) => tcp !== undefined,
  })
  await ask({ host: addressOf.b[4], port: 9000 }, { netns: net.a, family: 4 })
  const packets = capture.packets()
  assert.deepEqual(packets[0]?.tcp?.flags, ['SYN'])
  assert.deepEqual(packets[0].ip?.source, addressOf.a[4])
  assert.ok(packets.some(({ payload }) => payload.toString() === `hello ${addressOf.a[4]}`))

  using few = capturePackets({ netns: net.bridge, link: 'to-b', maxPackets: 2 })
  await ask({ host: addressOf.b[6], port: 9000 }, { netns: net.a, family: 6 })
  await few.ended
  assert.equal(few.packets().length, 2)
  assert.throws(() => capturePackets({ netns: net.a, link: 'none', maxPackets: 1 }), {
    code: 'KERNEL_ENODEV',
  })
})

test('Rtnetlink makes, changes, lists and deletes links, addresses, routes and rules', () => {
  const host = newNetns()
  const pod = newNetns()
  withRtnetlink(host, (route) => {
    route.addBridge('br0')
    route.addVeth({ name: 'out' }, { name: 'in', netns: pod, mac: '02:00:0a:4d:01:05', mtu: 1400 })
    route.setLink('out', { up: true, master: 'br0', mtu: 9000 })
    const bridge = route.links().find(({ kind }) => kind === 'bridge')
    const out = route.links().find(({ name }) => name === 'out')
    assert.deepEqual([out?.kind, out?.master, out?.mtu, out?.up], ['veth', bridge?.index, 9000, true])
    assert.throws(() => route.addBridge('br0'), { code: 'KERNEL_EEXIST' })
    assert.throws(() => route.addBridge('a-name-that-is-too-long'), /add bridge/u)
  })
  withRtnetlink(pod, (route) => {
    route.setLink('in', { name: 'eth0', mac: '02:00:0a:4d:01:06' })
    route.setLink('eth0', { up: true })
    const link = route.links().find(({ name }) => name === 'eth0')
    assert.deepEqual([link?.mac, link?.mtu, link?.up], ['02:00:0a:4d:01:06', 1400, true])
    const address = { link: 'eth0', address: '10.77.1.5', prefixLength: 16 }
    route.addAddress(address)
    assert.throws(() => route.addAddress(address), { code: 'KERNEL_EEXIST' })
    assert.ok(route.addresses().some((found) => found.address === '10.77.1.5' && found.prefixLength === 16))
    const unreachable = { family: 4, via: '192.0.2.1' } as const
    assert.throws(() => route.setRoute(unreachable), /invalid gateway.*ENETUNREACH/u)
    route.setRoute({ family: 4, via: '10.77.0.1' })
    route.setRoute({ family: 4, via: '10.77.0.2' })
    const defaults = route
      .routes()
      .filter(({ to, table, family }) => to === 'default' && table === 254 && family === 4)
    assert.deepEqual(
      defaults.map(({ via }) => via),
      ['10.77.0.2'],
    )
    route.deleteRoute({ family: 4 })
    const rule = { family: 6, mark: 0x111, markMask: 0xfff, priority: 100, table: 1000 } as const
    route.addRule(rule)
    assert.ok(
      route
        .rules()
        .some((found) => found.priority === 100 && found.table === 1000 && found.markMask === 0xfff),
    )
    route.deleteRule(rule)
    assert.throws(() => route.deleteRule(rule), { code: 'KERNEL_ENOENT' })
    route.deleteAddress(address)
    route.deleteLink('eth0')
    assert.throws(() => route.linkIndex('eth0'), { code: 'KERNEL_ENODEV' })
  })
  closeFd(host)
  closeFd(pod)
})

test('disableIpv6 leaves a namespace without IPv6 addresses', () => {
  using net = twoWorkloads()
  disableIpv6({ netns: net.a })
  assert.throws(() => listenTcp({ netns: net.a, address: addressOf.a[6], port: 80 }), {
    code: 'KERNEL_EADDRNOTAVAIL',
  })
  const addresses = withRtnetlink(net.a, (route) => route.addresses())
  assert.ok(!addresses.some(({ address }) => address.includes(':')))
  const own = inNetns(net.a, () => readFileSync('/proc/sys/net/ipv6/conf/eth0/disable_ipv6', 'utf8'))
  assert.equal(own.trim(), '1')
})

test('a connection made in a namespace without a way out fails there, not here', async () => {
  const netns = newNetns()
  const socket = connectTcpFd({ fd: openTcpSocket({ netns, family: 4 }), host: '127.0.0.1', port: 1 })
  const [error] = await once(socket, 'error')
  // Loopback is down in a new namespace; at home this would be ECONNREFUSED.
  assert.equal(error.code, 'ENETUNREACH')
  closeFd(netns)
})
