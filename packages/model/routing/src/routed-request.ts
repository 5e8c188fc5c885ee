/** The one reading of a request, as far as routes may ask for it. */
export interface RoutedRequest {
  readonly method: string
  /** Normalised, without the query. */
  readonly path: string
  /** As it was sent, without the question mark; empty where there is none. */
  readonly query: string
  /** Lower case, without port and final dot. */
  readonly host: string
  readonly fields: RequestFields
}

export interface RequestFields {
  /** All values of that (lower case) name in one, joined by `, `; undefined where there is none. */
  get(name: string): string | undefined
  /** The value of each field line of that (lower case) name, in order. */
  values(name: string): readonly string[]
}

/** Fields of a request that nobody has sent: names in any case, in order. */
export function fieldsOf(lines: readonly (readonly [name: string, value: string])[]): RequestFields {
  const values = (name: string): readonly string[] =>
    lines.flatMap(([own, value]) => (own.toLowerCase() === name ? [value] : []))
  return {
    values,
    get: (name) => {
      const all = values(name)
      return all.length === 0 ? undefined : all.join(', ')
    },
  }
}
