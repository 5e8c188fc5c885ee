/** What a command's exit code says; `tulle help exit-codes` prints this table. */
export const exitCodes = {
  ok: 0,
  /** The answer is no: something was rejected, refused, or not applied in time. */
  no: 1,
  /** The command was called wrongly. */
  usage: 2,
  /** No mesh is running where we looked. */
  notRunning: 3,
  /** The mesh or the machine failed us. */
  failed: 4,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Ends a command with a message for the user. */
export class CommandError extends Error {
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
