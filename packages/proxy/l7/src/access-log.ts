import { KnownTexts, ownText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { parseTraceparent } from '@tulle/trace-context'
import type { Downstream, LoggedMembers } from './downstream.ts'
import type { RequestRecord } from './request-record.ts'

const bufferBytes = 262_144
const flushMs = 100
/** Of a path: the rest says no more to people. */
const maxPathLength = 2048

/**
 * A JSON line for each request, gathered and handed on every 100 ms or 256 KiB. Keys are stable; absent facts have none. The path
 * is the one that was routed and authorized, without its query, which may hold secrets.
 */
export class AccessLog {
  readonly #clock: Clock
  readonly #emit: (lines: Buffer) => void
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(bufferBytes)
  #used: number = 0
  #timer: Disposable | undefined
  #nowMs: number = Number.NaN
  #nowText: string = ''
  #second: number = Number.NaN
  #secondText: string = ''

  /** `emit` must be done with the bytes, or have copied them, when it returns. */
  constructor(clock: Clock, emit: (lines: Buffer) => void) {
    this.#clock = clock
    this.#emit = emit
  }

  write(record: RequestRecord): void {
    const line = formatLine(this.#opening(), record)
    // UTF-16 units make three bytes at most.
    if (line.length * 3 > bufferBytes - this.#used) this.flush()
    if (line.length * 3 > bufferBytes) return
    this.#used += this.#buffer.write(line, this.#used, 'utf8')
    this.#timer ??= this.#clock.after(flushMs, () => this.flush())
  }

  flush(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    if (this.#used === 0) return
    const lines = this.#buffer.subarray(0, this.#used)
    this.#used = 0
    this.#emit(lines)
  }

  /** To the time, in ISO 8601 and UTC; what lines of one millisecond, and of one second, have in common is made once. */
  #opening(): string {
    const nowMs = this.#clock.nowMs()
    if (nowMs === this.#nowMs) return this.#nowText
    this.#nowMs = nowMs
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#secondText = `{"time":"${new Date(second * 1000).toISOString().slice(0, -4)}`
    }
    this.#nowText = `${this.#secondText}${String(1000 + Math.floor(nowMs - second * 1000)).slice(1)}Z",`
    return this.#nowText
  }
}

/** The same for all requests to an endpoint. */
const destinations = new KnownTexts<string>({ maxEntries: 4096, maxLength: 1024 })

function destinationMember(endpoint: string): string {
  return member('dst', endpoint)
}

/** Put together by hand, of few pieces: `JSON.stringify` of such an object takes four times as long. */
function formatLine(opening: string, record: RequestRecord): string {
  const { request, endpoint } = record
  const destination = endpoint === undefined ? '' : destinations.get(endpoint, destinationMember)
  const path = request.path.length > maxPathLength ? request.path.slice(0, maxPathLength) : request.path
  const { party, toPath } = loggedMembers(request)
  return `${opening}${party}${destination}${toPath}${path}${fateMembers(record)}${record.requestBytes},"bytes_sent":${record.responseBytes},"duration_ms":${millisecondsText(record.durationMs)}${member('trace_id', traceIdOf(record))}}\n`
}

/** What is the same for most requests of a rule, and kept with it. */
function fateMembers(record: RequestRecord): string {
  const { head, rule, verdict } = record.request
  if (rule === undefined || !isPlain(record)) return makeFateMembers(record)
  const { version } = head
  const { status } = record
  const policy = verdict?.policy
  const place = verdict?.rule
  const last = rule.lastFate
  if (last?.status === status && last.policy === policy && last.place === place && last.version === version)
    return last.text
  const text = ownText(makeFateMembers(record))
  rule.lastFate = { version, status, policy, place, text }
  return text
}

function isPlain({ request, flag, reason, grpcStatus, attempts }: RequestRecord): boolean {
  const isAsItShould = flag === '-' && reason === undefined && grpcStatus === undefined && attempts === 1
  return isAsItShould && request.verdict?.allowed === true && request.verdict.wouldRefuse === undefined
}

/** From the end of the path to the number of received bytes. */
function makeFateMembers(record: RequestRecord): string {
  const { request, status, flag, reason, grpcStatus, attempts } = record
  const { head, rule, verdict } = request
  const refused = verdict?.wouldRefuse === undefined ? '' : member('would_refuse', verdict.wouldRefuse.policy)
  const place = verdict?.rule === undefined ? '' : `,"rule":${verdict.rule}`
  return `","version":"${head.version}","verdict":"${verdictWord(record)}"${member('policy', verdict?.policy)}${place}${refused},"status":${status},"flags":"${flag}"${member('reason', reason)}${member('grpc_status', grpcStatus)}${member('route', rule?.name)},"attempts":${attempts},"bytes_recv":`
}

/** Of the trace that the request brought where tracing is off. */
function traceIdOf({ request, trace }: RequestRecord): string | undefined {
  if (trace !== undefined) return trace.traceId
  const brought = request.fields.get('traceparent')
  return brought === undefined ? undefined : parseTraceparent(brought)?.traceId
}

/** Down to microseconds. Of two integers: text of a fraction takes five times as long. */
function millisecondsText(durationMs: number): string {
  const us = Math.round(durationMs * 1000)
  const ms = Math.floor(us / 1000)
  return `${ms}.${String(1000 + us - ms * 1000).slice(1)}`
}

/** The same for all requests of a connection, and for those that follow one another with the same method and host. */
function loggedMembers({ downstream, method, host }: RequestRecord['request']): LoggedMembers {
  const logged = (downstream.logged ??= {
    party: ownText(makePartyMembers(downstream)),
    method,
    host,
    toPath: makeToPath(method, host),
  })
  if (logged.method === method && logged.host === host) return logged
  logged.method = method
  logged.host = host
  logged.toPath = makeToPath(method, host)
  return logged
}

/** Host and path have been read: neither has a quote, a backslash or a control character in it. */
function makeToPath(method: string, host: string): string {
  return ownText(`,"method":${jsonText(method)},"host":"${host}","path":"`)
}

function makePartyMembers({ facts, sourcePort, principal, service }: Downstream): string {
  return `"src":${addressText(facts.sourceIp, sourcePort)}${member('src.identity', principal)},"dst.service":${jsonText(service)}`
}

function verdictWord({ request, status, flag }: RequestRecord): string {
  if (request.verdict?.allowed === false) return 'refused'
  if (request.verdict === undefined) return 'unread'
  return status === 0 || flag === 'UC' || flag === 'UF' || flag === 'UT' ? 'failed' : 'allowed'
}

function member(key: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${key}":${jsonText(value)}`
}

/** IPv6 in brackets. */
function addressText(ip: string, port: number): string {
  return ip.includes(':') ? `"[${ip}]:${port}"` : `"${ip}:${port}"`
}

/** ASCII without control characters, quotes and backslashes stands for itself. @see RFC 8259 §7 */
const plainText = /^[ !#-[\]-~]*$/u

function jsonText(text: string): string {
  return plainText.test(text) ? `"${text}"` : JSON.stringify(text)
}
