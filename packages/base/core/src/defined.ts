type OptionalKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T]

/** The same fields, absent where they were undefined. */
export type Defined<T> = { readonly [K in keyof T as K extends OptionalKeys<T> ? never : K]: T[K] } & {
  readonly [K in keyof T as K extends OptionalKeys<T> ? K : never]?: Exclude<T[K], undefined>
}

/** A copy without the fields that are undefined: "absent" and "undefined" differ in all of our types. */
export function defined<T extends object>(fields: T): Defined<T> {
  // What is left has exactly the fields that the type says.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
