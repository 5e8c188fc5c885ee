/**
 * The quiet workload's load, in an open loop: so many requests a second over keep-alive connections, whatever becomes
 * of the ones before. Arguments: IP PORT SECONDS RATE CONNECTIONS. Prints one JSON line.
 */
import { connect } from 'node:net'
import { systemClock } from '@tulle/core'
import { LatencyHistogram } from '../load/latency-histogram.ts'

export interface QuietReport {
  readonly sent: number
  readonly answered: number
  readonly p50Us: number
  readonly p99Us: number
}

interface Connection {
  send(): void
}

const [ip = '', port = '0', seconds = '1', rate = '1000', connections = '16'] = process.argv.slice(2)
const request = Buffer.from('GET / HTTP/1.1\r\nhost: bench\r\n\r\n')
const latencies = new LatencyHistogram()
/** Pauses before what counts: connections and handshakes come first. */
const warmUpMs = 500
let sent = 0
let answered = 0

const open = await Promise.all(Array.from({ length: Number(connections) }, openConnection))
await systemClock.sleep(warmUpMs)
const startedMs = systemClock.monotonicMs()
const timer = systemClock.every(1, () => {
  const dueByNow = ((systemClock.monotonicMs() - startedMs) / 1000) * Number(rate)
  while (sent < dueByNow) open[sent++ % open.length]?.send()
})
await systemClock.sleep(Number(seconds) * 1000)
timer[Symbol.dispose]()
// What is late counts with the time it took so far.
await systemClock.sleep(500)
const report: QuietReport = {
  sent,
  answered,
  p50Us: latencies.quantile(0.5),
  p99Us: latencies.quantile(0.99),
}
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))

/** Requests may follow one another without waiting; answers come in order. */
function openConnection(): Promise<Connection> {
  const sentMs: number[] = []
  let text = ''
  const socket = connect({ host: ip, port: Number(port), noDelay: true })
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
    for (let end = answerEnd(text); end > 0; end = answerEnd(text)) {
      text = text.slice(end)
      answered++
      latencies.record((systemClock.monotonicMs() - (sentMs.shift() ?? 0)) * 1000)
    }
  })
  const send = (): void => {
    sentMs.push(systemClock.monotonicMs())
    socket.write(request)
  }
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve({ send }))
    socket.once('error', reject)
  })
}

/** Where the first answer in `text` ends; 0 while it is not whole. */
function answerEnd(text: string): number {
  const bodyBytes = 128
  const head = text.indexOf('\r\n\r\n')
  const end = head + 4 + bodyBytes
  return head > 0 && text.length >= end ? end : 0
}
