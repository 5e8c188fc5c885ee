/** What a run of the load prints, as one line of JSON. Latencies are null where none were taken. */
export interface LoadReport {
  readonly seconds: number
  readonly requests: number
  /** The same from the beginning, the warm-up included. */
  readonly requestsTotal: number
  readonly errors: number
  /** Received and sent by the load in these seconds: those after buffers on the way have filled. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** The same from the beginning, both directions together. */
  readonly bytesTotal: number
  readonly p50Us: number | null
  readonly p99Us: number | null
  readonly p999Us: number | null
  /** From when a request was due to when it was written, where there is a schedule: the load's own delay. */
  readonly lateP99Us: number | null
  /** Share of its core that the load itself took. */
  readonly loadCpu: number
}

export const loadModes = [
  'probe',
  'small',
  'connect',
  'steady',
  'download',
  'upload',
  'both',
  'idle',
] as const
export type LoadMode = (typeof loadModes)[number]

export interface LoadPlan {
  readonly mode: LoadMode
  readonly host: string
  readonly port: number
  readonly seconds: number
  readonly connections: number
  /** Of `steady`. */
  readonly perSecond: number
}

/** The arguments of the load's program for it. */
export function loadArguments(plan: LoadPlan): readonly string[] {
  const { mode, host, port, seconds, connections, perSecond } = plan
  return [mode, host, `${port}`, `${seconds}`, `${connections}`, `${perSecond}`]
}
