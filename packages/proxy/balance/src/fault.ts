import type { Rng } from '@tulle/core'
import type { FaultInjection, Fraction } from '@tulle/traffic'

/** What is done to a request on purpose: it waits, it is answered with a status, both in that order, or neither. */
export interface InjectedFault {
  readonly delayMs: number
  readonly abortStatus: number | undefined
}

const noFault: InjectedFault = { delayMs: 0, abortStatus: undefined }

/** Delay and abort are drawn one by one: each hits its own fraction of the requests. */
export function faultOf(injection: FaultInjection | undefined, rng: Rng): InjectedFault {
  if (injection === undefined) return noFault
  const { delay, abort } = injection
  const isDelayed = delay !== undefined && hits(delay.fraction, rng)
  const isAborted = abort !== undefined && hits(abort.fraction, rng)
  if (!isDelayed && !isAborted) return noFault
  return { delayMs: isDelayed ? delay.ms : 0, abortStatus: isAborted ? abort.status : undefined }
}

/** True for that fraction of the calls; also what decides whether a request is mirrored. */
export function hits({ numerator, denominator }: Fraction, rng: Rng): boolean {
  return rng.next() * denominator < numerator
}
