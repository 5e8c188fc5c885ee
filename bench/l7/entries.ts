import { backendPorts } from './load/ports.ts'

/** A port of a proxy, and what is configured behind it. Each admits GET and POST by an access rule. */
export interface Entry {
  readonly name: EntryName
  readonly takes: 'http1' | 'http2'
  readonly sends: 'http1' | 'http2'
  readonly backendPorts: readonly number[]
  /** One for everything, or a thousand with regular expressions. */
  readonly routes: 'one' | 'thousand'
  readonly retries: boolean
}

export type EntryName = 'plain' | 'http2' | 'grpc' | 'routes' | 'retries'

export const methods = ['GET', 'POST'] as const

/** Answers that are tried again, where `retries`, and how often. */
export const retry = { status: 503, attempts: 2, backoffMs: 1 } as const

const one = { routes: 'one', retries: false } as const
const http1 = { takes: 'http1', sends: 'http1', backendPorts: [backendPorts.http1] } as const

export const entries: readonly Entry[] = [
  { name: 'plain', ...http1, ...one },
  { name: 'http2', ...http1, ...one, takes: 'http2' },
  { name: 'grpc', ...one, takes: 'http2', sends: 'http2', backendPorts: [backendPorts.http2] },
  { name: 'routes', ...http1, routes: 'thousand', retries: false },
  { name: 'retries', ...http1, routes: 'one', retries: true, backendPorts: backendPorts.failing },
]

export function portOf(entry: EntryName, firstPort: number): number {
  return firstPort + entries.findIndex(({ name }) => name === entry)
}
