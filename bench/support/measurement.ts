import type { LoadReport } from '../../apps/tulle/src/bench/load/load-report.ts'

/** One work on one path in one round. Latencies are null for bulk, CPU time where there are no proxies. */
export interface Measurement {
  readonly rate: number
  readonly cpu: number | null
  readonly p50Us: number | null
  readonly p99Us: number | null
  readonly p999Us: number | null
  readonly lateP99Us: number | null
  readonly loadCpu: number | null
  readonly errors: number
}

/** A process whose CPU time is that of the path. */
export interface MeasuredProcess {
  /** User and system time of all its threads so far. */
  cpuSeconds(): number
  /** Rejects when it ends. */
  ended(): Promise<never>
}

/** Runs a load, and holds what the proxies took beside what it found. `bulk` counts bytes instead of requests. */
export async function measureLoad(
  proxies: readonly MeasuredProcess[],
  bulk: boolean,
  load: () => Promise<LoadReport>,
): Promise<Measurement> {
  const cpuSeconds = (): number => proxies.reduce((sum, proxy) => sum + proxy.cpuSeconds(), 0)
  const cpuBefore = cpuSeconds()
  const report = await Promise.race([load(), ...proxies.map((proxy) => proxy.ended())])
  const cpuMicroseconds = (cpuSeconds() - cpuBefore) * 1e6
  const units = bulk ? report.bytesTotal / 1_048_576 : report.requestsTotal
  const { errors, p50Us, p99Us, p999Us, lateP99Us } = report
  return {
    rate: (bulk ? ((report.bytesIn + report.bytesOut) * 8) / 1e9 : report.requests) / report.seconds,
    cpu: proxies.length === 0 || units === 0 ? null : cpuMicroseconds / units,
    p50Us,
    p99Us,
    p999Us,
    lateP99Us,
    loadCpu: Number.isNaN(report.loadCpu) ? null : report.loadCpu,
    errors,
  }
}
