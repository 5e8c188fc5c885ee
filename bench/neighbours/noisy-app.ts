/**
 * The noisy workload's application: greets, answers a question mark with as much as that, and an exclamation mark with bytes without
 * end. Arguments: IP PORT MOST, how many connections it has at once.
 */
import { systemClock } from '@tulle/core'
import { listenTcp, PlainListener } from '@tulle/kernel'
import type { PlainSocket } from '@tulle/kernel'

const [address = '127.0.0.1', port = '9001', most = 'Infinity'] = process.argv.slice(2)
const greeting = Buffer.from('hello')
const answer = Buffer.from('!')
const chunk = Buffer.alloc(256 * 1024, 'bulk')
/** One for all: of what comes, only the first byte says something. */
const landing = Buffer.alloc(16)
let open = 0

new PlainListener(listenTcp({ address, port: Number(port), backlog: 4096 }), {
  onConnection: serve,
  onError: (error) => {
    throw error
  },
})

function serve(socket: PlainSocket): void {
  if (open >= Number(most)) {
    socket.destroy()
    return
  }
  open++
  let isEndless = false
  const fill = (): void => {
    while (isEndless && !socket.isClosed && socket.write(chunk));
  }
  socket.attach({
    bytes: landing,
    onRead() {
      isEndless = String.fromCharCode(landing[0] ?? 0) === '!'
      if (isEndless) fill()
      else socket.write(answer)
    },
    onEnd: () => socket.destroy(),
    onDrain: fill,
    onClose() {
      isEndless = false
      open--
    },
  })
  socket.write(greeting)
}

// What nobody waits for is no reason for a process to live on.
const hourMs = 3_600_000
systemClock.every(hourMs, () => undefined)
