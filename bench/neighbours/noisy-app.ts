/** The noisy workload's application: greets, and answers the first byte with bytes without end. Arguments: IP PORT. */
import { createServer } from 'node:net'
import type { Socket } from 'node:net'

const [host = '127.0.0.1', port = '9001'] = process.argv.slice(2)
const chunk = Buffer.alloc(256 * 1024, 'bulk')
createServer((socket) => {
  socket.on('error', () => socket.destroy())
  socket.once('data', () => stream(socket))
  socket.write('hello')
}).listen({ host, port: Number(port), backlog: 4096 })

function stream(socket: Socket): void {
  const fill = (): void => {
    while (socket.write(chunk));
  }
  socket.resume().on('drain', fill)
  fill()
}
