import { errorCode, MeshError } from '@tulle/core'
import { adminClient as socketClient } from '@tulle/runtime'
import type { AdminClient } from '@tulle/runtime'
import { CommandError, exitCodes } from './exit-codes.ts'

export type { AdminClient } from '@tulle/runtime'

/** A client of a role's admin API whose failures end a command as they should. */
export function adminClient(socketPath: string): AdminClient {
  const client = socketClient(socketPath)
  const explained = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } catch (error) {
      throw explain(error, socketPath)
    }
  }
  return {
    get: (path, signal) => explained(client.get(path, signal)),
    post: (path, body, signal) => explained(client.post(path, body, signal)),
    watch: <T>(path: string, signal?: AbortSignal) => explainedLines(client.watch<T>(path, signal)),
    follow: <T>(path: string) => explainedLines(client.follow<T>(path)),
  }

  async function* explainedLines<T>(lines: AsyncIterable<T>): AsyncIterable<T> {
    try {
      yield* lines
    } catch (error) {
      throw explain(error, socketPath)
    }
  }
}

function explain(error: unknown, socketPath: string): unknown {
  if (!(error instanceof MeshError)) return error
  if (error.code === 'ADMIN_REFUSED') {
    const isOurs = Number(error.context['status'] ?? 500) >= 500
    return new CommandError(isOurs ? exitCodes.failed : exitCodes.usage, error.message, { cause: error })
  }
  const why = errorCode(error.cause)
  if (why !== 'ENOENT' && why !== 'ECONNREFUSED') return error
  return new CommandError(
    exitCodes.notRunning,
    `no mesh is running here: nothing listens at ${socketPath}; start one with "tulle up -f DIR", or say where it is with --state`,
    { cause: error },
  )
}
