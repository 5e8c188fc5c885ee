import type { Clock } from '@tulle/core'
import type { ConnectionSubject } from './connection-subject.ts'
import type { SocketAddress } from './data-plane.ts'
import { unknown } from './party.ts'
import type { Party } from './party.ts'

const bufferBytes = 65_536
const flushMs = 100

/** One connection, or one refusal. */
export interface AccessRecord {
  readonly subject: ConnectionSubject
  readonly verdict: 'allowed' | 'refused' | 'failed'
  /** By the workload of this proxy, and to it. */
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly durationMs: number
  readonly error: string | undefined
  /** Refusals of the same workload before this one that have no line, because there were too many. */
  readonly leftOut: number
}

/**
 * JSON lines with stable keys, gathered and handed on every 100 ms or 64 KiB, so that a connection costs no system
 * call for its line.
 */
export class AccessLog implements Disposable {
  readonly #clock: Clock
  readonly #emit: (lines: Buffer) => void
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(bufferBytes)
  readonly #times: LogTimes = new LogTimes()
  #used: number = 0
  #timer: Disposable | undefined

  /** `emit` must be done with the bytes, or have copied them, when it returns. */
  constructor(clock: Clock, emit: (lines: Buffer) => void) {
    this.#clock = clock
    this.#emit = emit
  }

  write(record: AccessRecord): void {
    const line = formatLine(this.#times.textOf(this.#clock.nowMs()), record)
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

  [Symbol.dispose](): void {
    this.flush()
  }
}

/** ISO 8601 in UTC; what many lines of one second have in common is made once. */
class LogTimes {
  #second: number = Number.NaN
  #secondText: string = ''

  textOf(nowMs: number): string {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#secondText = new Date(second * 1000).toISOString().slice(0, -4)
    }
    return `${this.#secondText}${String(1000 + Math.floor(nowMs - second * 1000)).slice(1)}Z`
  }
}

/** Put together by hand: `JSON.stringify` of such an object takes four times as long. Absent facts have no key. */
function formatLine(time: string, record: AccessRecord): string {
  const { subject, verdict } = record
  const { hbone, service } = subject
  const source = `"src":${addressText(subject.source)}${membersOf(subject.sourceParty).source}`
  const through = hbone === undefined ? '' : `,"dst.hbone":${addressText(hbone)}`
  const named = service === undefined ? '' : `,"dst.service":${jsonText(service.hostname)}`
  const parties = `${source},"dst":${addressText(subject.destination)}${through}${named}${membersOf(subject.destinationParty).destination}`
  const begun = `{"time":"${time}","direction":"${subject.direction}","verdict":"${verdict}",${parties}`
  const bytes = `,"bytes_sent":${record.bytesSent},"bytes_recv":${record.bytesReceived}`
  const durationMs = Math.round(record.durationMs * 1000) / 1000
  const leftOut = record.leftOut === 0 ? '' : `,"left_out":${record.leftOut}`
  const how = `${verdictMembers(subject)}${member('tls.group', subject.tlsGroup)}${member('trace', subject.traceId)}`
  return `${begun}${how}${bytes},"duration_ms":${durationMs}${member('error', record.error)}${leftOut}}\n`
}

function verdictMembers({ verdict }: ConnectionSubject): string {
  if (verdict === undefined) return ''
  const rule = verdict.rule === undefined ? '' : `,"rule":${verdict.rule}`
  return `${member('policy', verdict.policy)}${rule}${member('would_refuse', verdict.wouldRefuse?.policy)}`
}

interface PartyMembers {
  readonly source: string
  readonly destination: string
}

/** Parties are the same objects for many connections. */
const partyMembers: WeakMap<Party, PartyMembers> = new WeakMap()

function membersOf(party: Party): PartyMembers {
  const before = partyMembers.get(party)
  if (before !== undefined) return before
  const members = { source: namedMembers('src', party), destination: namedMembers('dst', party) }
  partyMembers.set(party, members)
  return members
}

function namedMembers(side: 'src' | 'dst', party: Party): string {
  const known = (name: string): string | undefined => (name === unknown ? undefined : name)
  const workload = member(`${side}.workload`, known(party.workload))
  const namespace = member(`${side}.namespace`, known(party.namespace))
  return `${workload}${namespace}${member(`${side}.identity`, known(party.principal))}`
}

function member(key: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${key}":${jsonText(value)}`
}

/** IPv6 in brackets. */
function addressText({ ip, port }: SocketAddress): string {
  return ip.includes(':') ? `"[${ip}]:${port}"` : `"${ip}:${port}"`
}

/** ASCII without control characters, quotes and backslashes stands for itself. @see RFC 8259 §7 */
const plainText = /^[ !#-[\]-~]*$/u

function jsonText(text: string): string {
  return plainText.test(text) ? `"${text}"` : JSON.stringify(text)
}
