/** Small facts about an error, for the log: keys are stable, values are short. */
export type ErrorContext = Readonly<Record<string, string | number | boolean>>

export interface MeshErrorOptions {
  readonly cause?: unknown
  readonly context?: ErrorContext
}

/**
 * An error of the world around us: a peer, a file, the network. `code` is stable and may be switched on;
 * the message says what was expected, what was found and what to try. Users' mistakes are no errors but
 * Results and conditions; our own mistakes are `unreachable` and `assert`.
 */
export class MeshError<Code extends string = string> extends Error {
  readonly code: Code
  readonly context: ErrorContext

  constructor(code: Code, message: string, options: MeshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.context = options.context ?? {}
  }
}

/** The text of anything that was thrown, with its causes, in one line. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${errorText(error.cause)}`
}

/** The `code` of a Node or mesh error, such as ECONNREFUSED; '' where there is none. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}
