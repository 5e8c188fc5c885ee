import type { Clock } from '@tulle/core'

const bufferBytes = 65_536
const flushMs = 100

/** One connection, or one refusal, with the stable keys of the access log. Absent values leave their key out. */
export interface AccessRecord {
  readonly src: string
  readonly srcWorkload: string | undefined
  readonly srcNamespace: string | undefined
  readonly srcIdentity: string | undefined
  readonly dst: string
  readonly dstHbone: string | undefined
  readonly dstService: string | undefined
  readonly dstWorkload: string | undefined
  readonly dstNamespace: string | undefined
  readonly dstIdentity: string | undefined
  readonly direction: 'inbound' | 'outbound'
  readonly verdict: 'allowed' | 'refused' | 'failed'
  readonly policy: string | undefined
  readonly rule: number | undefined
  readonly wouldRefuse: string | undefined
  readonly tlsGroup: string | undefined
  readonly traceId: string | undefined
  /** By the workload of this proxy, and to it. */
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly durationMs: number
  readonly error: string | undefined
}

/**
 * JSON lines, gathered and handed on every 100 ms or 64 KiB, so that a connection costs no system call for its
 * line.
 */
export class AccessLog implements Disposable {
  readonly #clock: Clock
  readonly #emit: (lines: Buffer) => void
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(bufferBytes)
  #used: number = 0
  #timer: Disposable | undefined

  /** `emit` must be done with the bytes, or have copied them, when it returns. */
  constructor(clock: Clock, emit: (lines: Buffer) => void) {
    this.#clock = clock
    this.#emit = emit
  }

  write(record: AccessRecord): void {
    const line = formatLine(this.#clock.nowMs(), record)
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

/** Undefined members vanish in JSON, so absent facts have no key. */
function formatLine(nowMs: number, record: AccessRecord): string {
  const fields = {
    time: new Date(nowMs).toISOString(),
    direction: record.direction,
    verdict: record.verdict,
    src: record.src,
    'src.workload': record.srcWorkload,
    'src.namespace': record.srcNamespace,
    'src.identity': record.srcIdentity,
    dst: record.dst,
    'dst.hbone': record.dstHbone,
    'dst.service': record.dstService,
    'dst.workload': record.dstWorkload,
    'dst.namespace': record.dstNamespace,
    'dst.identity': record.dstIdentity,
    policy: record.policy,
    rule: record.rule,
    would_refuse: record.wouldRefuse,
    'tls.group': record.tlsGroup,
    trace: record.traceId,
    bytes_sent: record.bytesSent,
    bytes_recv: record.bytesReceived,
    duration_ms: Math.round(record.durationMs * 1000) / 1000,
    error: record.error,
  }
  return `${JSON.stringify(fields)}\n`
}
