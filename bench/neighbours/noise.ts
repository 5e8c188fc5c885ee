/**
 * What the noisy workload does. Arguments: KIND IP PORT RATE COUNT. Prints `loud` when it is at its full, a line of
 * figures a second later and so on, and goes on until it is killed. It takes as little of its core as it can.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { systemClock } from '@tulle/core'
import { openTcpSocket, PlainSocket } from '@tulle/kernel'

const [kind = '', ip = '', port = '0', rate = '0', count = '0'] = process.argv.slice(2)
/** Addresses that it calls from, as many workloads would. */
const sources = ['10.99.0.20', '10.99.0.21', '10.99.0.22', '10.99.0.23', '10.99.0.24', '10.99.0.25']
/** Connects that have not come to an end. */
const maxPending = 400
/** What a pause left out is made up for in steps: workloads on cores of their own would not have paused. */
const stepMs = 2
const maxCallsOfStep = 40
/** Nobody looks at what comes. */
const landing = Buffer.allocUnsafeSlow(256 * 1024)
let done = 0
let refused = 0
let open = 0
let pending = 0
let started = 0
let bytes = 0

/** What one of its calls does, beside being counted. */
interface Call {
  onConnected?(socket: PlainSocket): void
  /** Something was read. */
  onRead?(socket: PlainSocket): void
}

const more: Buffer = Buffer.from('?')
const withoutEnd: Buffer = Buffer.from('!')
const calls: Readonly<Record<string, Call>> = {
  connections: {},
  conversations: { onRead: (socket) => void socket.write(more) },
  // The dearest handshakes for the one who answers, and the cheapest for the one who asks: the same ClientHello each time, and gone
  // when the answer is there.
  handshakes: await handshakes(),
  bulk: { onConnected: (socket) => void socket.write(withoutEnd) },
}
const made = calls[kind]
if (made === undefined) throw new Error(`expected one of ${Object.keys(calls).join(', ')}, found ${kind}`)
const wanted = Number(count)
systemClock.every(stepMs, () => atRate(made))
while (refused === 0 && open < wanted) await systemClock.sleep(50)
await systemClock.sleep(300)
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

function atRate(one: Call): void {
  const due = (performance.now() / 1000) * Number(rate)
  let ofStep = 0
  for (; started < due && pending < maxPending && ofStep < maxCallsOfStep; started++, ofStep++)
    if (wanted === 0 || open + pending < wanted) call(one)
  started = Math.max(started, Math.floor(due) - maxPending)
}

/** Open from the first answer on; one that ends before that was refused. */
function call({ onConnected, onRead }: Call): void {
  const bindTo = { address: sources[started % sources.length] ?? '', port: 0 }
  const socket = new PlainSocket(openTcpSocket({ family: 4, bindTo }))
  let isAnswered = false
  const onClose = (): void => {
    if (isAnswered) open--
    else {
      pending--
      refused++
    }
  }
  pending++
  socket.connect({ address: ip, port: Number(port) }, (error) => {
    if (error !== undefined) {
      onClose()
      return
    }
    socket.attach({
      bytes: landing,
      onRead(length) {
        bytes += length
        done++
        if (!isAnswered) {
          isAnswered = true
          pending--
          open++
        }
        onRead?.(socket)
      },
      onEnd: () => socket.destroy(),
      onDrain: () => undefined,
      onClose,
    })
    onConnected?.(socket)
  })
}

async function handshakes(): Promise<Call> {
  const hello = await clientHello()
  return { onConnected: (socket) => void socket.write(hello), onRead: (socket) => socket.reset() }
}

async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port: ownPort } = listener.address() as AddressInfo // a TCP server that listens has one
  const ecdhCurve = 'X25519MLKEM768:X25519:P-256'
  const client = connectTls({ port: ownPort, host: '127.0.0.1', ALPNProtocols: ['h2'], ecdhCurve })
  client.on('error', () => undefined)
  const [socket] = (await once(listener, 'connection')) as [Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  client.destroy()
  listener.close()
  return hello
}
