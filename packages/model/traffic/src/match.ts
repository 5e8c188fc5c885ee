/** A user's regular expression, RE2 syntax, checked before it got here. `full`: the whole text has to match; `start`: it is anchored at the start only. */
export interface Pattern {
  readonly source: string
  readonly anchor: 'full' | 'start'
}

/** Against the normalised path without its query. `prefix` goes by path elements: `/v2` covers `/v2` and `/v2/x`, not `/v2x`. */
export type PathMatch =
  | { readonly kind: 'exact'; readonly path: string }
  | { readonly kind: 'prefix'; readonly path: string }
  | { readonly kind: 'pattern'; readonly pattern: Pattern }

export type ValueMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'pattern'; readonly pattern: Pattern }

export interface NamedMatch {
  /** Headers: lower case; `:authority` is the host without port. Query parameters: as they are. */
  readonly name: string
  readonly value: ValueMatch
}

/** All that is said has to hold; what is not said holds for everything. */
export interface HttpMatch {
  readonly path?: PathMatch
  /** Empty = any. */
  readonly methods: readonly string[]
  readonly headers: readonly NamedMatch[]
  readonly query: readonly NamedMatch[]
}

export const anyRequest: HttpMatch = { methods: [], headers: [], query: [] }
