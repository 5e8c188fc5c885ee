import { reportFailure } from './report-failure.ts'
import { roles } from './roles.ts'

/** Runs a role without loading the other verbs: traffic may be waiting for this process. Sets its exit code. */
export async function runRole(name: string, argv: readonly string[]): Promise<void> {
  try {
    await roles.get(name)?.run(argv)
  } catch (error) {
    process.exitCode = reportFailure(error)
  }
}
