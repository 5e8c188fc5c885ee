import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { answer, bulkHead, lastAnswer } from './answers.ts'

const bulkChunk = Buffer.alloc(256 * 1024, 'bulk')
const readBytes = 256 * 1024
/** Longer than any head that the load sends. */
const maxHeadBytes = 4096

/** The application: a fixed answer of 128 bytes, a download without end, an upload that is swallowed, or both. */
export function createBackend(): Server {
  return createServer({ noDelay: true, highWaterMark: readBytes }, serve)
}

function serve(socket: Socket): void {
  let rest = ''
  const onData = (chunk: Buffer): void => {
    rest += chunk.toString('latin1')
    if (rest.length > maxHeadBytes && !rest.includes('\r\n\r\n')) socket.destroy()
    for (let end = rest.indexOf('\r\n\r\n'); end !== -1; end = rest.indexOf('\r\n\r\n')) {
      const head = rest.slice(0, end)
      rest = rest.slice(end + 4)
      if (head.startsWith('GET /download') || head.startsWith('POST /')) {
        socket.off('data', onData)
        bulk(socket, head)
        return
      }
      if (/\r\nconnection: close/iu.test(head)) socket.end(lastAnswer)
      else socket.write(answer)
    }
  }
  socket.on('error', () => socket.destroy())
  socket.on('data', onData)
}

function bulk(socket: Socket, head: string): void {
  // Whatever comes from now on is body.
  socket.on('data', () => undefined)
  if (!head.startsWith('POST /upload')) streamBulk(socket, bulkHead)
}

/** Writes without end, as fast as the other side takes it. */
export function streamBulk(socket: Socket, first: Buffer): void {
  const fill = (): void => {
    while (!socket.destroyed && socket.write(bulkChunk));
  }
  socket.write(first)
  socket.on('drain', fill)
  fill()
}
