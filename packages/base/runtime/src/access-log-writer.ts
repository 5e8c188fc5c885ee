import { LogWriter } from './log-writer.ts'
import type { MetricsRegistry } from './metrics-registry.ts'

export interface AccessLogWriterOptions {
  /** Absent: there is no access log. */
  readonly fd: number | undefined
  /** Of lines that wait because the log is slow; what comes beyond is lost, and counted. */
  readonly maxWaitingBytes: number
}

/** What writes a proxy's access log, and counts what it loses. */
export function accessLogWriter(
  { fd, maxWaitingBytes }: AccessLogWriterOptions,
  registry: MetricsRegistry,
): LogWriter | undefined {
  if (fd === undefined) return undefined
  const dropped = registry
    .counter('tulle_access_log_dropped_bytes', 'Access log lines lost because the log is slow or broken.')
    .bind()
  return new LogWriter({ fd, maxWaitingBytes, onDropped: (bytes) => dropped.inc(bytes) })
}
