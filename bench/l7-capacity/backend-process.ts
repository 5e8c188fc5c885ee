/** `backend-process.ts IP PORT`: answers requests, echoes WebSockets, and sends a body of 1 GiB to whoever asks for `/large`. */
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { acceptOf, decode, encodeServer } from './websocket.ts'

const [, , ip = '', port = ''] = process.argv
const chunk = Buffer.alloc(64 * 1024, 'x')
const largeBytes = 1024 ** 3
const headEnd = '\r\n\r\n'

function serve(socket: Socket): void {
  let text = ''
  const onData = (bytes: Buffer): void => {
    text += bytes.toString('latin1')
    for (let end = text.indexOf(headEnd); end >= 0; end = text.indexOf(headEnd)) {
      const head = text.slice(0, end)
      text = text.slice(end + headEnd.length)
      const key = /^sec-websocket-key: (.*)$/imu.exec(head)?.[1]
      if (key !== undefined) {
        socket.off('data', onData)
        echo(socket, key)
      } else if (head.startsWith('GET /large')) sendLarge(socket)
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    }
  }
  socket.on('data', onData)
  socket.on('error', () => undefined)
}

function echo(socket: Socket, key: string): void {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${acceptOf(key)}\r\n\r\n`,
  )
  let kept: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    kept = Buffer.concat([kept, bytes])
    for (let message = decode(kept); message !== undefined; message = decode(kept)) {
      kept = kept.subarray(message.bytes)
      socket.write(encodeServer(message.text))
    }
  })
}

function sendLarge(socket: Socket): void {
  socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${largeBytes}\r\n\r\n`)
  let left = largeBytes
  const pump = (): void => {
    while (left > 0 && !socket.destroyed) {
      left -= chunk.length
      if (!socket.write(chunk)) return
    }
  }
  socket.on('drain', pump)
  pump()
}

createServer({ noDelay: true }, serve).listen({ host: ip, port: Number(port), backlog: 4096 })
