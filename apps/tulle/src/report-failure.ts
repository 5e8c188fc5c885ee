import { errorText } from '@tulle/core'
import { CommandError, exitCodes } from './exit-codes.ts'

/** Says why a command failed; returns the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommandError) {
    if (error.message !== '') console.error(`tulle: ${error.message}`)
    return error.exitCode
  }
  console.error(`tulle: ${errorText(error)}`)
  return exitCodes.failed
}
