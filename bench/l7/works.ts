import type { LoadMode } from '../../apps/tulle/src/bench/load/load-report.ts'
import type { WorkTitle } from '../support/series-tables.ts'
import type { EntryName } from './entries.ts'
import type { QuestionName } from './load/questions.ts'

/** What is measured on each path. */
export interface Work extends WorkTitle {
  readonly mode: LoadMode
  readonly entry: EntryName
  readonly question: QuestionName
  readonly connections: number
  /** How many of them share a connection; 1 for HTTP/1.1. */
  readonly streams: number
}

const requests = { rateUnit: 'requests/s', cpuUnit: 'us/request' } as const
const http1 = { mode: 'small', entry: 'plain', question: 'small', connections: 32, streams: 1 } as const
const http2 = { mode: 'small', connections: 8, streams: 16 } as const

function small(name: string, connections: number): Work {
  const about = `HTTP/1.1, GET of 128 bytes over ${connections} kept connection${connections === 1 ? '' : 's'}`
  return { name, about, ...requests, ...http1, connections }
}

/** Measured round by round, on every path that carries it. */
export const works: readonly Work[] = [
  small('small-1', 1),
  small('small', 32),
  small('small-512', 512),
  {
    name: 'connect',
    about: 'HTTP/1.1, a new connection for each GET, 16 at a time',
    rateUnit: 'connections/s',
    cpuUnit: 'us/connection',
    ...http1,
    mode: 'connect',
    connections: 16,
  },
  {
    name: 'http2',
    about: 'HTTP/2 to the proxy, HTTP/1.1 behind it: GET of 128 bytes, 8 connections with 16 streams each',
    ...requests,
    ...http2,
    entry: 'http2',
    question: 'http2',
  },
  {
    name: 'grpc',
    about: 'gRPC, unary, messages of 64 bytes: HTTP/2 on both sides, 8 connections with 16 streams each',
    ...requests,
    ...http2,
    entry: 'grpc',
    question: 'grpc',
  },
  {
    name: 'body-100k',
    about: 'HTTP/1.1, POST of 100 KiB answered with 100 KiB, 32 connections',
    ...requests,
    ...http1,
    question: 'body',
  },
  {
    name: 'routes-1000',
    about: 'HTTP/1.1, 1000 routes with a regular expression each, any of them asked for, 32 connections',
    ...requests,
    ...http1,
    entry: 'routes',
    question: 'routes',
  },
  {
    name: 'retries',
    about: 'HTTP/1.1, every tenth answer of either backend is 503 and tried again, 32 connections',
    ...requests,
    ...http1,
    entry: 'retries',
  },
]

/** After the rounds, each at half of what the slowest path got through in another work. */
export const latencyWorks: readonly { readonly work: Work; readonly halfOf: string }[] = [
  {
    halfOf: 'small',
    work: {
      name: 'latency',
      about: 'HTTP/1.1, GETs at a fixed rate over 32 kept connections, each timed from when it was due',
      ...requests,
      ...http1,
      mode: 'steady',
    },
  },
  {
    halfOf: 'grpc',
    work: {
      name: 'latency-grpc',
      about: 'gRPC, unary, at a fixed rate over 8 connections, each call timed from when it was due',
      ...requests,
      ...http2,
      mode: 'steady',
      entry: 'grpc',
      question: 'grpc',
    },
  },
]

/** Before the rounds, on proxies that have just been started. */
export const memoryWorkName = 'memory'

export const workNames: readonly string[] = [
  memoryWorkName,
  ...works.map(({ name }) => name),
  ...latencyWorks.map(({ work }) => work.name),
]

/** `small-512` is configured as `small`. */
export const smokeWorkNames: readonly string[] = workNames.filter(
  (name) => name !== 'small-1' && name !== 'small-512',
)

/** Left out where none are named: it says little that `latency` does not, and a full run is long. */
export const defaultWorkNames: readonly string[] = workNames.filter((name) => name !== 'small-1')
