/** Where a share of the requests goes. */
export type Backend =
  /** A service's own endpoints: no routes of that service apply again. */
  | {
      readonly kind: 'service'
      /** `namespace/hostname`. */
      readonly service: string
      readonly port: number
    }
  /** What does not exist, is of a wrong kind or may not be used: its share is answered with this status. */
  | { readonly kind: 'invalid'; readonly status: 500 | 503; readonly reason: string }

export interface WeightedBackend {
  readonly backend: Backend
  /** Relative; 0 gets nothing. */
  readonly weight: number
  /** Run only for requests that go here, after those of the rule. */
  readonly filters: readonly HttpFilter[]
}

/**
 * What no route may change, in lower case: fields that frame a message or speak of one connection, and whom it is for. They
 * would make one message pass for another. The host is changed by a rewrite. @see RFC 9110 §7.6.1, RFC 9112 §6
 */
export const unchangeableFields: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export interface HeaderChanges {
  readonly set: readonly Header[]
  /** Appended to what is there, comma-separated. */
  readonly add: readonly Header[]
  /** Lower case. */
  readonly remove: readonly string[]
}

export interface Header {
  /** Lower case. */
  readonly name: string
  readonly value: string
}

export type PathChange =
  | { readonly kind: 'full'; readonly path: string }
  /** In place of the prefix that matched. */
  | { readonly kind: 'prefix'; readonly prefix: string; readonly replacement: string }

export interface Fraction {
  readonly numerator: number
  readonly denominator: number
}

export interface CorsFilter {
  /** `https://*.example.com`; a star stands for whatever is greedy to its left. */
  readonly allowOrigins: readonly string[]
  readonly allowCredentials: boolean
  readonly allowMethods: readonly string[]
  readonly allowHeaders: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly maxAgeSeconds: number
}

export type HttpFilter =
  | { readonly kind: 'request-headers'; readonly changes: HeaderChanges }
  | { readonly kind: 'response-headers'; readonly changes: HeaderChanges }
  | {
      readonly kind: 'redirect'
      readonly scheme?: 'http' | 'https'
      readonly host?: string
      readonly port?: number
      readonly path?: PathChange
      readonly status: 301 | 302 | 303 | 307 | 308
    }
  | { readonly kind: 'rewrite'; readonly host?: string; readonly path?: PathChange }
  /** A copy goes to one endpoint; its answer is ignored. */
  | { readonly kind: 'mirror'; readonly backend: Backend; readonly fraction: Fraction }
  | { readonly kind: 'cors'; readonly cors: CorsFilter }
