/**
 * A caller that keeps connections open and tells when one more is answered. Arguments: IP PORT CONNECTIONS. Prints
 * `held` when all of them have been answered once; on a line `probe` the time of the next answer to a new connection;
 * on a line `refill` it opens again what it has lost, and prints `held` again.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { systemClock } from '@tulle/core'

/** What a probe prints. */
export interface ProbeReport {
  /** By the machine's clock, which is the bench's too. */
  readonly answeredMs: number
  /** Connections that ended before. */
  readonly failed: number
}

const [ip = '', port = '0', connections = '0'] = process.argv.slice(2)
const request = `GET / HTTP/1.1\r\nhost: ${ip}\r\n\r\n`
const openingAtOnce = 50
const held = new Set<Socket>()

await refill()
createInterface(process.stdin).on('line', (line) => void (line === 'probe' ? probe() : refill()))

async function refill(): Promise<void> {
  const opener = async (): Promise<void> => {
    while (held.size < Number(connections)) {
      const socket = await answered()
      if (socket === undefined) await systemClock.sleep(10)
      else keep(socket)
    }
  }
  await Promise.all(Array.from({ length: openingAtOnce }, opener))
  process.stdout.write('held\n')
}

function keep(socket: Socket): void {
  held.add(socket)
  socket.on('close', () => held.delete(socket))
}

async function probe(): Promise<void> {
  for (let failed = 0; ; failed++) {
    const socket = await answered()
    if (socket === undefined) {
      await systemClock.sleep(2)
      continue
    }
    socket.destroy()
    process.stdout.write(
      `${JSON.stringify({ answeredMs: systemClock.nowMs(), failed } satisfies ProbeReport)}\n`,
    )
    return
  }
}

/** A new connection that has had an answer; undefined where it ended before. */
function answered(): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port: Number(port) }, () => socket.write(request))
    socket.on('error', () => undefined)
    socket.once('data', () => resolve(socket))
    socket.once('close', () => resolve(undefined))
  })
}
