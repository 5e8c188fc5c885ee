import type { SessionTokens } from './session-tokens.ts'

/** Which endpoint a client's token leads to, among those there are. */
export class SessionEndpoints {
  readonly #tokens: SessionTokens
  #idOfKey: ReadonlyMap<string, string> = new Map()
  #keyOfId: ReadonlyMap<string, string> = new Map()

  constructor(tokens: SessionTokens) {
    this.#tokens = tokens
  }

  /** The endpoints there are now. Costs a hash for each new one. */
  replace(keys: Iterable<string>): void {
    const idOfKey = new Map<string, string>()
    for (const key of keys) idOfKey.set(key, this.#idOfKey.get(key) ?? this.#tokens.idOf(key))
    this.#idOfKey = idOfKey
    this.#keyOfId = new Map(Array.from(idOfKey, ([key, id]) => [id, key]))
  }

  /**
   * The key of the endpoint that a live session is bound to; undefined where the token is not ours, the session is over, or
   * the endpoint is gone: then the request is balanced as any, and gets a new token. It beats weights, even a weight of 0.
   * `current`: the endpoints there are now, asked for only where a token of ours names one that is not known.
   */
  keyOf(token: string, current?: () => Iterable<string>): string | undefined {
    const id = this.#tokens.read(token)
    if (id === undefined) return undefined
    if (current !== undefined && !this.#keyOfId.has(id)) this.replace(current())
    return this.#keyOfId.get(id)
  }

  /** A token for a session that begins now; undefined where there is no such endpoint. */
  tokenFor(key: string): string | undefined {
    const id = this.#idOfKey.get(key)
    return id === undefined ? undefined : this.#tokens.issue(id)
  }
}
