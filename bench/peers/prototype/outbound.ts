/** The calling side. Arguments: LISTEN_IP:PORT PEER_IP:PORT TARGET KEY CERTIFICATE ROOTS. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import { endFlag, Framer, frameType } from './framer.ts'

const [listen = '', peer = '', target = '', key = '', certificate = '', roots = ''] = process.argv.slice(2)
const [listenIp = '', listenPort = ''] = listen.split(':')
const [peerIp = '', peerPort = ''] = peer.split(':')
const empty = Buffer.alloc(0)
const targetBytes = Buffer.from(target)
const highWaterMark = 1024 * 1024
const free: Buffer<ArrayBuffer>[] = []
let current = Buffer.allocUnsafeSlow(64 * 1024)
/** Whether a write of this read still refers to its buffer. */
let referred = false

let tunnelFramer: Framer | undefined
let nextId = 1

/** One tunnel for all connections; another when it ends. */
function currentFramer(): Framer {
  if (tunnelFramer !== undefined) return tunnelFramer
  // Node takes both, its types don't know them here.
  const untyped = {
    highWaterMark,
    onread: {
      buffer: () => {
        current = free.pop() ?? Buffer.allocUnsafeSlow(64 * 1024)
        return current
      },
      callback: (length: number) => {
        const mine = current
        referred = false
        opened.receive(mine.subarray(0, length))
        if (!referred) free.push(mine)
        return true
      },
    },
  }
  const tunnel = connect({
    host: peerIp,
    port: Number(peerPort),
    key: readFileSync(key),
    cert: readFileSync(certificate),
    ca: readFileSync(roots),
    checkServerIdentity: () => undefined,
    minVersion: 'TLSv1.3',
    ...untyped,
  })
  tunnel.setNoDelay(true)
  tunnel.on('error', () => tunnel.destroy())
  tunnel.on('close', () => {
    tunnelFramer = undefined
    for (const stream of opened.streams.values()) stream.onEnd()
  })
  const opened = new Framer(tunnel, () => undefined)
  tunnelFramer = opened
  return opened
}

createServer({ noDelay: true, allowHalfOpen: true, highWaterMark }, (socket: Socket) => {
  const framer = currentFramer()
  const id = nextId
  nextId += 2
  framer.sendCopy({ type: frameType.open, flags: 0, id }, targetBytes)
  framer.streams.set(id, {
    onData: (bytes, start, end) => {
      socket.write(bytes.subarray(start, end))
      if (socket.writableLength > 0) referred = true
    },
    onEnd: () => socket.end(),
  })
  socket.on('data', (bytes: Buffer) => framer.sendCopy({ type: frameType.data, flags: 0, id }, bytes))
  socket.on('end', () => framer.sendCopy({ type: frameType.data, flags: endFlag, id }, empty))
  socket.on('error', () => framer.sendCopy({ type: frameType.data, flags: endFlag, id }, empty))
  socket.on('close', () => framer.streams.delete(id))
}).listen(Number(listenPort), listenIp)
