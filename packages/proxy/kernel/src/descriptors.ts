/** How many descriptors this process may have, and when it has too many to take another connection. */
import { readFileSync } from 'node:fs'

/**
 * Kept for what a process must be able to do when its peers use up all the rest: answer its operators, reach the
 * control plane, write its state down.
 */
const reserved = 64

/** RLIMIT_NOFILE as it holds now, which somebody else may have changed. @see proc_pid_limits(5) */
export function descriptorLimit(): number {
  const soft = /^Max open files\s+(?<soft>\d+)/mu.exec(readFileSync('/proc/self/limits', 'utf8'))?.groups?.[
    'soft'
  ]
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

/** The kernel gives the lowest free number, so the number says how many are in use. */
export function isReservedFd(fd: number, limit: number): boolean {
  return fd >= limit - Math.min(reserved, Math.floor(limit / 4))
}
