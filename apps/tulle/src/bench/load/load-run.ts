import type { Socket } from 'node:net'
import type { Clock } from '@tulle/core'
import {
  answer,
  AnswerReader,
  bothRequest,
  downloadRequest,
  lastAnswer,
  lastRequest,
  request,
  uploadRequest,
} from './answers.ts'
import { streamBulk } from './backend.ts'
import { openConnection } from './connection.ts'
import { converse as converseByGet } from './conversation.ts'
import type { Converse } from './conversation.ts'
import { ConstantRate } from './constant-rate.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import type { LoadPlan, LoadReport } from './load-report.ts'
import { startTicker } from './ticker.ts'

export interface LoadRunDeps {
  readonly clock: Clock
  /** For the ticker's thread. */
  readonly thisProgram: URL
  /** How `probe`, `small` and `steady` ask; absent: GETs of HTTP/1.1. */
  readonly converse?: Converse
}

/** Of the time of a fixed rate, before it: until code is compiled. */
const warmUpShare = 0.15
/** Of a bulk measurement, before it: until the buffers on the way are full. */
const fillShare = 0.15
const bulkReadBytes = 256 * 1024
const probeAnswerWithinMs = 1000
const somethingWithinMs = 10_000
const somethingPollMs = 20
const probePauseMs = 50
/** Connections being opened at once by `idle`. */
const idleAtOnce = 64
const readyWithinMs = 5000

/** One run of the load; prints what it found. */
export class LoadRun {
  readonly #plan: LoadPlan
  readonly #clock: Clock
  readonly #thisProgram: URL
  readonly #converse: Converse
  readonly #latencies: LatencyHistogram = new LatencyHistogram()
  #requests: number = 0
  #warmUpRequests: number = 0
  #errors: number = 0
  #bytesIn: number = 0
  #bytesOut: () => number = () => 0
  #over: boolean = false

  constructor(plan: LoadPlan, { clock, thisProgram, converse = converseByGet }: LoadRunDeps) {
    this.#plan = plan
    this.#clock = clock
    this.#thisProgram = thisProgram
    this.#converse = converse
  }

  /** Whether it could do what it was to. */
  async run(): Promise<boolean> {
    const { mode } = this.#plan
    if (mode === 'probe') return this.#probe()
    if (mode === 'idle') return this.#idle()
    if (mode === 'small' || mode === 'steady') return this.#rate()
    if (mode === 'connect') for (let index = 0; index < this.#plan.connections; index++) this.#connectOnce()
    else this.#bulk()
    return this.#measure()
  }

  get #isBulk(): boolean {
    return ['download', 'upload', 'both'].includes(this.#plan.mode)
  }

  async #measure(lateness?: LatencyHistogram): Promise<boolean> {
    if (this.#isBulk) await this.#clock.sleep(this.#plan.seconds * 1000 * fillShare)
    const [inBefore, outBefore] = [this.#bytesIn, this.#bytesOut()]
    const fromMs = this.#clock.monotonicMs()
    const cpu = process.cpuUsage()
    await this.#clock.sleep(this.#plan.seconds * 1000)
    // On a machine that is busy with other things a short time may pass without an answer.
    const untilMs = this.#clock.monotonicMs() + somethingWithinMs
    const nothing = (): boolean =>
      this.#requests === 0 && this.#bytesIn === inBefore && this.#bytesOut() === outBefore
    while (nothing() && this.#clock.monotonicMs() < untilMs) await this.#clock.sleep(somethingPollMs)
    this.#over = true
    if (nothing()) return this.#fail(`nothing came through in ${this.#plan.mode}`)
    const seconds = (this.#clock.monotonicMs() - fromMs) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const report: LoadReport = {
      seconds,
      requests: this.#requests,
      requestsTotal: this.#warmUpRequests + this.#requests,
      errors: this.#errors,
      bytesIn: this.#bytesIn - inBefore,
      bytesOut: this.#bytesOut() - outBefore,
      bytesTotal: this.#bytesIn + this.#bytesOut(),
      p50Us: numberOrNull(this.#latencies.quantile(0.5)),
      p99Us: numberOrNull(this.#latencies.quantile(0.99)),
      p999Us: numberOrNull(this.#latencies.quantile(0.999)),
      lateP99Us: numberOrNull(lateness?.quantile(0.99) ?? Number.NaN),
      loadCpu: (user + system) / 1e6 / seconds,
    }
    await print(JSON.stringify(report))
    return true
  }

  /** A fixed schedule, or for `small` none: then the next request follows the answer. */
  async #rate(): Promise<boolean> {
    const { mode, perSecond, ...rest } = this.#plan
    const closed = mode === 'small'
    const load = new ConstantRate(
      { ...rest, perSecond: closed ? Infinity : perSecond },
      {
        clock: this.#clock,
        converse: this.#converse,
        onLatency: (microseconds) => {
          this.#latencies.record(microseconds)
          this.#requests++
        },
        onFailure: () => this.#errors++,
        onIdleLoss: () => this.#errors++,
      },
    )
    // A schedule that begins before there are connections begins with a queue.
    load.open()
    for (let waitedMs = 0; !load.ready && waitedMs < readyWithinMs; waitedMs++) await this.#clock.sleep(1)
    using _ticker = closed ? undefined : await startTicker(this.#thisProgram, () => load.tick())
    load.begin()
    load.tick()
    if (closed) return await this.#measure()
    await this.#clock.sleep(this.#plan.seconds * 1000 * warmUpShare)
    load.lateness.reset()
    this.#latencies.reset()
    this.#warmUpRequests = this.#requests
    this.#requests = 0
    return await this.#measure(load.lateness)
  }

  #connectOnce(): void {
    const beganMs = this.#clock.monotonicMs()
    let answered = false
    const reader = new AnswerReader(lastAnswer, (ok) => {
      answered = ok
      this.#requests++
      this.#latencies.record((this.#clock.monotonicMs() - beganMs) * 1000)
    })
    const socket = openConnection(this.#plan, {
      onOpen: (opened) => opened.write(lastRequest),
      onData: (bytes, length) => reader.read(bytes, length),
      onClose: () => {
        if (this.#over) return
        if (!answered) this.#errors++
        // Not at once: a refused connection would otherwise spin.
        setImmediate(() => this.#connectOnce())
      },
    })
    socket.on('end', () => socket.end())
  }

  #bulk(): void {
    const { mode, connections } = this.#plan
    const head = { download: downloadRequest, upload: uploadRequest, both: bothRequest }
    const first = mode === 'download' || mode === 'upload' || mode === 'both' ? head[mode] : undefined
    if (first === undefined) return
    const sockets: Socket[] = []
    for (let index = 0; index < connections; index++) {
      const events = {
        onOpen: (socket: Socket) => {
          if (mode === 'download') socket.write(first)
          else streamBulk(socket, first)
        },
        onData: (_bytes: Buffer, length: number) => {
          this.#bytesIn += length
        },
        onClose: () => {
          if (!this.#over) this.#errors++
        },
      }
      sockets.push(openConnection(this.#plan, events, bulkReadBytes))
    }
    // What has left the process: what waits inside it is none of the path's doing.
    this.#bytesOut = () =>
      mode === 'download'
        ? 0
        : sockets.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0)
  }

  async #probe(): Promise<boolean> {
    const untilMs = this.#clock.monotonicMs() + this.#plan.seconds * 1000
    while (this.#clock.monotonicMs() < untilMs) {
      if (await this.#isAnswered()) {
        await print('answered')
        return true
      }
      await this.#clock.sleep(probePauseMs)
    }
    return this.#fail(`no answer within ${this.#plan.seconds} s`)
  }

  #fail(why: string): false {
    console.error(`${this.#plan.host}:${this.#plan.port}: ${why}`)
    return false
  }

  #isAnswered(): Promise<boolean> {
    return new Promise((resolve) => {
      const conversation = this.#converse(this.#plan, {
        onOpen: () => conversation.ask(),
        onAnswer: resolve,
        onClose: () => resolve(false),
      })
      this.#clock.after(probeAnswerWithinMs, () => conversation.destroy())
    })
  }

  /** Ends with the process, or when there is nothing more to wait for. */
  async #idle(): Promise<boolean> {
    const { connections, seconds } = this.#plan
    let begun = 0
    let open = 0
    const settled = Promise.withResolvers<void>()
    const next = (): void => {
      if (begun === connections) {
        if (open + this.#errors >= connections) settled.resolve()
        return
      }
      begun++
      let answered = false
      const reader = new AnswerReader(answer, () => {
        answered = true
        open++
        next()
      })
      openConnection(
        this.#plan,
        {
          onOpen: (socket) => socket.write(request),
          onData: (bytes, length) => reader.read(bytes, length),
          onClose: () => {
            this.#errors++
            if (!answered) next()
          },
        },
        1024,
      )
    }
    for (let index = 0; index < Math.min(idleAtOnce, connections); index++) next()
    const timeUp = this.#clock.sleep(seconds * 1000)
    await Promise.race([settled.promise, timeUp])
    await print(`open ${open}`)
    await timeUp
    return true
  }
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

function print(line: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()))
}
