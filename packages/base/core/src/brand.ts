declare const brand: unique symbol

/** A `T` that only its own parser makes, so that it needs no second check. */
export type Branded<T, Name extends string> = T & { readonly [brand]: Name }
