/** The called side. Arguments: LISTEN_IP:PORT KEY CERTIFICATE ROOTS. */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createServer } from 'node:tls'
import { endFlag, Framer, frameType, giveSlab, headerBytes, takeSlab } from './framer.ts'

const [listen = '', key = '', certificate = '', roots = ''] = process.argv.slice(2)
const [listenIp = '', listenPort = ''] = listen.split(':')
const empty = Buffer.alloc(0)
const smallBytes = 4096
const highWaterMark = 1024 * 1024
// Node takes it, its types don't know it.
const depth = { highWaterMark }

createServer(
  {
    key: readFileSync(key),
    cert: readFileSync(certificate),
    ca: readFileSync(roots),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    noDelay: true,
    highWaterMark,
  },
  (tunnel) => {
    const framer = new Framer(tunnel, (id, target) => openStream(framer, id, target))
    tunnel.on('data', (bytes: Buffer) => framer.receive(bytes))
    tunnel.on('error', () => tunnel.destroy())
  },
).listen(Number(listenPort), listenIp)

function openStream(framer: Framer, id: number, target: string): void {
  const [host = '', port = ''] = target.split(':')
  let slab = takeSlab()
  const upstream: Socket = connect({
    host,
    port: Number(port),
    noDelay: true,
    allowHalfOpen: true,
    ...depth,
    onread: {
      buffer: () => {
        slab = takeSlab()
        return slab.subarray(headerBytes)
      },
      callback: (length: number) => {
        if (length >= smallBytes) return framer.sendSlab(id, slab, length, () => upstream.resume())
        framer.sendCopy(
          { type: frameType.data, flags: 0, id },
          slab.subarray(headerBytes, headerBytes + length),
        )
        giveSlab(slab)
        return true
      },
    },
  })
  framer.streams.set(id, {
    onData: (bytes, start, end) => void upstream.write(bytes.subarray(start, end)),
    onEnd: () => void upstream.end(),
  })
  upstream.on('end', () => framer.sendCopy({ type: frameType.data, flags: endFlag, id }, empty))
  upstream.on('error', () => framer.sendCopy({ type: frameType.data, flags: endFlag, id }, empty))
  upstream.on('close', () => framer.streams.delete(id))
}
