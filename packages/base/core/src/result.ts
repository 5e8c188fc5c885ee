/** What a parser returns when its caller must go on: a value, or what is wrong with the input. */
export type Result<T, E = string> = Ok<T> | Err<E>

export interface Ok<T> {
  readonly ok: true
  readonly value: T
}

export interface Err<E> {
  readonly ok: false
  readonly error: E
}

export function ok<T>(value: T): Ok<T> {
  return { ok: true, value }
}

export function err<E>(error: E): Err<E> {
  return { ok: false, error }
}

/** The value of a result that cannot fail here, such as a constant; throws where it did after all. */
export function must<T>(result: Result<T, unknown>): T {
  if (result.ok) return result.value
  throw new TypeError(`expected a valid value, found: ${String(result.error)}`)
}
