import { readFileSync } from 'node:fs'
import { errorText } from '@tulle/core'
import { L4Error } from './errors.ts'

/** Descriptors that this process may have open (RLIMIT_NOFILE). @see proc_pid_limits(5) */
export function openFilesLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/mu.exec(readFileSync('/proc/self/limits', 'latin1'))
    // The other word there is "unlimited".
    return found === null ? Number.MAX_SAFE_INTEGER : Number(found[1])
  } catch (error) {
    throw new L4Error('L4_LISTEN', `the limit of open files cannot be read: ${errorText(error)}`, {
      cause: error,
    })
  }
}
