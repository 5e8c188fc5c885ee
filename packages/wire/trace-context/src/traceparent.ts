import type { Rng } from '@tulle/core'
import { newSpanId, newTraceId } from './ids.ts'

/** @see W3C Trace Context §3.2 */
export interface Traceparent {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly parentId: string
  readonly flags: number
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/u
const maxLength = 512

/** Undefined for anything that is not one; a later version is read as far as it is like this one. */
export function parseTraceparent(header: string): Traceparent | undefined {
  if (header.length > maxLength) return undefined
  if (usualForm.test(header)) return readUsual(header)
  const [, version, traceId = '', parentId = '', flags = '', rest] = pattern.exec(header) ?? []
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  return traceOf(traceId, parentId, flags)
}

/** Of version 0; read by position, as it comes with every connection. */
const usualForm = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/u

function readUsual(header: string): Traceparent | undefined {
  return traceOf(header.slice(3, 35), header.slice(36, 52), header.slice(53))
}

function traceOf(traceId: string, parentId: string, flags: string): Traceparent | undefined {
  if (!/[^0]/u.test(traceId) || !/[^0]/u.test(parentId)) return undefined
  return { traceId, parentId, flags: Number.parseInt(flags, 16) }
}

export function formatTraceparent(trace: Traceparent): string {
  const flags = (trace.flags & 0xff).toString(16).padStart(2, '0')
  return `00-${trace.traceId}-${trace.parentId}-${flags}`
}

/** A trace of its own, not sampled: the id that a connection has in the logs of both ends. */
export function newTraceparent(rng: Rng): string {
  return `00-${newTraceId(rng)}-${newSpanId(rng)}-00`
}
