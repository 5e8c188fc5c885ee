/**
 * What every layer leans on: results, errors, time, chance, cancellation. It knows no mesh word and reads
 * nothing from the machine but the clock.
 */
export { assert, unreachable } from './assert.ts'
export { Backoff } from './backoff.ts'
export type { BackoffOptions } from './backoff.ts'
export type { Branded } from './brand.ts'
export { systemClock, TestClock } from './clock.ts'
export type { Clock, SleepOptions } from './clock.ts'
export { compareText, dataEqual } from './compare.ts'
export { defined } from './defined.ts'
export type { Defined } from './defined.ts'
export { KnownTexts } from './known-texts.ts'
export { linkedController } from './linked-abort.ts'
export type { LinkedController } from './linked-abort.ts'
export { errorCode, errorText, MeshError } from './mesh-error.ts'
export type { ErrorContext, MeshErrorOptions } from './mesh-error.ts'
export { ownText } from './own-text.ts'
export { err, must, ok } from './result.ts'
export type { Err, Ok, Result } from './result.ts'
export { jitter, seededRng, systemRng } from './rng.ts'
export type { Rng } from './rng.ts'
