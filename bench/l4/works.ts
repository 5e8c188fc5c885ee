import type { LoadMode } from '../../apps/tulle/src/bench/load/load-report.ts'

/** What is measured on each path. */
export interface Work {
  readonly name: string
  readonly about: string
  readonly mode: LoadMode
  readonly connections: number
  /** The unit of `Measurement.rate`, and of what CPU time is divided by. */
  readonly rateUnit: string
  readonly cpuUnit: string
}

const requests = { rateUnit: 'requests/s', cpuUnit: 'us/request' } as const
const bulk = { connections: 1, rateUnit: 'Gbit/s', cpuUnit: 'us/MiB' } as const

function small(name: string, connections: number): Work {
  const about = `GET of 128 bytes over ${connections} kept connection${connections === 1 ? '' : 's'}`
  return { name, about, mode: 'small', connections, ...requests }
}

/** Measured round by round, on every path that carries it. */
export const works: readonly Work[] = [
  small('small-1', 1),
  small('small', 32),
  small('small-512', 512),
  {
    name: 'connect',
    about: 'a new connection for each GET, 16 at a time',
    mode: 'connect',
    connections: 16,
    rateUnit: 'connections/s',
    cpuUnit: 'us/connection',
  },
  { name: 'download', about: 'one stream towards the caller', mode: 'download', ...bulk },
  { name: 'upload', about: 'one stream from the caller', mode: 'upload', ...bulk },
  { name: 'both', about: 'one connection, bulk both ways at once; the sum', mode: 'both', ...bulk },
  {
    name: 'copy',
    about: 'one plain stream through one proxy, neither TLS nor a peer proxy',
    mode: 'download',
    ...bulk,
  },
]

/** After the rounds: it needs to know what half of saturation is. */
export const latencyWork: Work = {
  name: 'latency',
  about: 'GETs at a fixed rate over 32 kept connections, each timed from when it was due',
  mode: 'steady',
  connections: 32,
  ...requests,
}

/** Before the rounds, on proxies that have just been started. */
export const memoryWorkName = 'memory'

export const workNames: readonly string[] = [
  memoryWorkName,
  ...works.map(({ name }) => name),
  latencyWork.name,
]
