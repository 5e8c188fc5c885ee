/**
 * What the noisy workload does. Arguments: KIND IP PORT RATE COUNT. Prints `loud` when it is at its full, a line of
 * figures a second later and so on, and goes on until it is killed.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { systemClock } from '@tulle/core'

const [kind = '', ip = '', port = '0', rate = '0', count = '0'] = process.argv.slice(2)
/** Addresses that it calls from, as many workloads would. */
const sources = ['10.99.0.20', '10.99.0.21', '10.99.0.22', '10.99.0.23', '10.99.0.24', '10.99.0.25']
/** Connects that have not come to an end. */
const maxPending = 400
let done = 0
let refused = 0
let open = 0
let pending = 0
let started = 0
let bytes = 0

const makers: Readonly<Record<string, () => void>> = {
  connections: openOne,
  handshakes: await handshakes(),
  bulk: download,
}
const make = makers[kind]
if (make === undefined) throw new Error(`expected one of ${Object.keys(makers).join(', ')}, found ${kind}`)
if (kind === 'bulk') make()
else systemClock.every(2, () => atRate(make))
if (kind === 'connections') while (refused === 0 && open < Number(count)) await systemClock.sleep(50)
else await systemClock.sleep(300)
process.stdout.write('loud\n')
let before = { done, refused, bytes }
systemClock.every(1000, () => {
  const line = {
    done: done - before.done,
    refused: refused - before.refused,
    bytes: bytes - before.bytes,
    open,
  }
  before = { done, refused, bytes }
  process.stdout.write(`${JSON.stringify(line)}\n`)
})
process.stdin.resume()

function atRate(run: () => void): void {
  const due = (performance.now() / 1000) * Number(rate)
  for (; started < due && pending < maxPending; started++)
    if (kind !== 'connections' || open < Number(count)) run()
  started = Math.max(started, Math.floor(due) - maxPending)
}

function call(): Socket {
  pending++
  const localAddress = sources[started % sources.length] ?? ''
  const socket = connect({ host: ip, port: Number(port), localAddress })
  socket.on('error', () => undefined)
  return socket
}

/** Held once the application's greeting has come through. */
function openOne(): void {
  const socket = call()
  let held = false
  socket.once('data', () => {
    held = true
    pending--
    open++
    done++
  })
  socket.once('close', () => {
    if (held) open--
    else pending--
    refused++
  })
}

/**
 * The dearest handshakes for the one who answers, and the cheapest for the one who asks: the same ClientHello each
 * time, and gone when the answer is there.
 */
async function handshakes(): Promise<() => void> {
  const hello = await clientHello()
  return () => {
    const socket = call()
    let answered = false
    socket.once('connect', () => socket.write(hello))
    socket.once('data', () => {
      answered = true
      done++
      socket.resetAndDestroy()
    })
    socket.once('close', () => {
      pending--
      if (!answered) refused++
    })
  }
}

async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port: ownPort } = listener.address() as AddressInfo // a TCP server that listens has one
  const ecdhCurve = 'X25519MLKEM768:X25519:P-256'
  const client = connectTls({ port: ownPort, host: '127.0.0.1', ALPNProtocols: ['h2'], ecdhCurve })
  client.on('error', () => undefined)
  const [socket] = (await once(listener, 'connection')) as [Socket]
  const [bytes_] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  client.destroy()
  listener.close()
  return bytes_
}

function download(): void {
  const buffer = Buffer.allocUnsafeSlow(256 * 1024)
  const callback = (length: number): boolean => {
    bytes += length
    return true
  }
  const socket = connect({ host: ip, port: Number(port), onread: { buffer, callback } })
  socket.on('error', () => undefined)
  socket.once('connect', () => socket.write('!'))
}
