/**
 * A process that listens and has no descriptor left until it is told `free` on stdin. Says its port, and then `shed` or
 * `accepted` for each connection.
 */
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { errorCode } from '@tulle/core'
import { PlainListener } from '../plain-listener.ts'
import { listenTcp, localAddress } from '../sockets.ts'

const say = (line: string): boolean => process.stdout.write(`${line}\n`)

const fd = listenTcp({ address: '127.0.0.1', port: 0 })
const input = createInterface(process.stdin)
const listener = new PlainListener(fd, {
  onConnection: (socket) => {
    say('accepted')
    socket.destroy()
  },
  onShed: () => say('shed'),
  onError: (error) => say(errorCode(error)),
})
const fillers: number[] = []
try {
  for (;;) fillers.push(openSync('/dev/null', 'r'))
} catch (error) {
  say(`${errorCode(error)} ${localAddress(fd)?.port ?? 0}`)
}
input.on('line', () => {
  fillers.forEach(closeSync)
  say('freed')
})
input.on('close', () => listener[Symbol.dispose]())
