const hidden = '<secret>'

/** A value that no log, dump or error prints; `util.inspect` shows no private fields anyway. */
export class Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return hidden
  }

  toJSON(): string {
    return hidden
  }
}
