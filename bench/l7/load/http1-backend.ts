import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { answer, lastAnswer } from '../../../apps/tulle/src/bench/load/answers.ts'
import { largeBytes } from './questions.ts'

const readBytes = 256 * 1024
/** Longer than any head that a proxy makes of the load's. */
const maxHeadBytes = 8192

const largeAnswer = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${largeBytes}\r\n\r\n`),
  Buffer.alloc(largeBytes, 'a'),
])
const unavailable = Buffer.from('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n')

export interface Http1BackendOptions {
  /** 503 for one in so many; Infinity: never. */
  readonly failsEvery: number
}

/** GET: 128 bytes. POST: takes the whole body, then answers 100 KiB. */
export function createHttp1Backend({ failsEvery }: Http1BackendOptions): Server {
  let asked = 0
  const answerFor = (head: string): Buffer => {
    asked++
    if (asked % failsEvery === 0) return unavailable
    return head.startsWith('POST ') ? largeAnswer : answer
  }
  return createServer({ noDelay: true, highWaterMark: readBytes }, (socket) => serve(socket, answerFor))
}

function serve(socket: Socket, answerFor: (head: string) => Buffer): void {
  let text = ''
  let head = ''
  let bodyLeft = 0
  const reply = (): void => {
    if (/\r\nconnection: close/iu.test(head)) socket.end(lastAnswer)
    else socket.write(answerFor(head))
  }
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length;) {
      if (bodyLeft > 0) {
        const taken = Math.min(bodyLeft, chunk.length - at)
        bodyLeft -= taken
        at += taken
        if (bodyLeft === 0) reply()
        continue
      }
      const before = text.length
      text += chunk.toString('latin1', at)
      const end = text.indexOf('\r\n\r\n')
      if (end === -1) {
        if (text.length > maxHeadBytes) socket.destroy()
        return
      }
      at += end + 4 - before
      head = text.slice(0, end)
      text = ''
      bodyLeft = Number(/\r\ncontent-length: *(\d+)/iu.exec(head)?.[1] ?? 0)
      if (bodyLeft === 0) reply()
    }
  })
}
