/**
 * The load: raw sockets, event-driven, bounded in time; prints one JSON line. Arguments: MODE IP PORT SECONDS CONNECTIONS.
 * MODE is `probe` (one request, tried again until it is answered), `small` (keep-alive), `connect` (a connection for
 * each request) or `bulk` (one download).
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { systemClock } from '@tulle/core'
import { LatencyHistogram } from './latency-histogram.ts'

export interface LoadReport {
  readonly seconds: number
  readonly requests: number
  readonly errors: number
  readonly bytes: number
  readonly p50Us: number | null
  readonly p99Us: number | null
}

const [mode = 'small', host = '127.0.0.1', port = '0', seconds = '1', connections = '1'] =
  process.argv.slice(2)
const durationMs = Number(seconds) * 1000
const latencies = new LatencyHistogram()
let requests = 0
let errors = 0
let bytes = 0
let over = false

const request = Buffer.from(`GET / HTTP/1.1\r\nhost: bench\r\n\r\n`)
const lastRequest = Buffer.from(`GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n`)
const bulkRequest = Buffer.from(`GET /bulk HTTP/1.1\r\nhost: bench\r\n\r\n`)
const bodyBytes = 128

const startedMs = performance.now()
if (mode === 'probe') await probe()
else {
  for (let index = 0; index < Number(connections); index++) start()
  systemClock.after(durationMs, finish)
}

function start(): void {
  if (mode === 'small') keepAlive()
  else if (mode === 'connect') oneByOne()
  else if (mode === 'bulk') download()
  else throw new Error(`expected probe, small, connect or bulk, found ${mode}`)
}

function finish(): void {
  over = true
  const report: LoadReport = {
    seconds: (performance.now() - startedMs) / 1000,
    requests,
    errors,
    bytes,
    p50Us: numberOrNull(latencies.quantile(0.5)),
    p99Us: numberOrNull(latencies.quantile(0.99)),
  }
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

/** One socket whose reads land in one buffer of its own. */
function open(
  onData: (buffer: Buffer, length: number) => void,
  onClose: () => void,
  readBytes: number,
): Socket {
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const onread = {
    buffer,
    callback: (length: number) => {
      onData(buffer, length)
      return true
    },
  }
  const socket = connect({ host, port: Number(port), noDelay: true, onread })
  socket.on('error', () => undefined)
  socket.on('close', onClose)
  return socket
}

/** Counts the bytes of answers of known length; the header is 71 bytes here, but a proxy may change it. */
function answerReader(onAnswer: () => void): (buffer: Buffer, length: number) => void {
  let head = ''
  let missing = 0
  return (buffer, length) => {
    bytes += length
    if (missing === 0) {
      head += buffer.toString('latin1', 0, length)
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      if (!head.startsWith('HTTP/1.1 200')) errors++
      missing = bodyBytes - (head.length - end - 4)
      head = ''
    } else missing -= length
    if (missing === 0) onAnswer()
  }
}

function keepAlive(): void {
  let sentMs = 0
  const send = (): void => {
    sentMs = performance.now()
    socket.write(request)
  }
  const onAnswer = (): void => {
    latencies.record((performance.now() - sentMs) * 1000)
    requests++
    if (!over) send()
  }
  const onClose = (): void => {
    if (!over) errors++
  }
  const socket = open(answerReader(onAnswer), onClose, 4096)
  socket.on('connect', send)
}

function oneByOne(): void {
  const openedMs = performance.now()
  let answered = false
  const onAnswer = (): void => {
    answered = true
    requests++
    latencies.record((performance.now() - openedMs) * 1000)
  }
  const onClose = (): void => {
    if (over) return
    if (!answered) errors++
    // Not at once: a refused connection would otherwise spin.
    setImmediate(oneByOne)
  }
  const socket = open(answerReader(onAnswer), onClose, 4096)
  socket.on('connect', () => socket.write(lastRequest))
  socket.on('end', () => socket.end())
}

function download(): void {
  const onClose = (): void => {
    if (!over) errors++
  }
  const socket = open((_buffer, length) => (bytes += length), onClose, 256 * 1024)
  socket.on('connect', () => socket.write(bulkRequest))
}

async function probe(): Promise<void> {
  while (performance.now() - startedMs < durationMs) {
    const answered = await new Promise<boolean>((resolve) => {
      const read = answerReader(() => resolve(true))
      const socket = open(read, () => resolve(false), 4096)
      socket.on('connect', () => socket.write(lastRequest))
      systemClock.after(1000, () => socket.destroy())
    })
    if (answered && errors === 0) {
      process.stdout.write('answered\n', () => process.exit(0))
      return
    }
    errors = 0
    await systemClock.sleep(50)
  }
  process.exit(1)
}
