/**
 * The application: HTTP/1.1 over raw sockets, a fixed answer of 128 bytes, `GET /bulk` without end.
 * Arguments: IP PORT.
 */
import { createServer } from 'node:net'
import type { Socket } from 'node:net'

const [host = '127.0.0.1', port = '9000'] = process.argv.slice(2)
const body = 'x'.repeat(128)
const head = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n`
const answer = Buffer.from(`${head}\r\n${body}`)
const lastAnswer = Buffer.from(`${head}connection: close\r\n\r\n${body}`)
const bulkHead = Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n')
const bulkChunk = Buffer.alloc(256 * 1024, 'bulk')

createServer({ noDelay: true }, serve).listen(Number(port), host)

function serve(socket: Socket): void {
  let rest = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1')
    for (let end = rest.indexOf('\r\n\r\n'); end !== -1; end = rest.indexOf('\r\n\r\n')) {
      const request = rest.slice(0, end)
      rest = rest.slice(end + 4)
      if (request.startsWith('GET /bulk')) streamBulk(socket)
      else if (/\r\nconnection: close/iu.test(request)) socket.end(lastAnswer)
      else socket.write(answer)
    }
  })
}

function streamBulk(socket: Socket): void {
  socket.write(bulkHead)
  const fill = (): void => {
    while (socket.write(bulkChunk));
  }
  socket.on('drain', fill)
  fill()
}
