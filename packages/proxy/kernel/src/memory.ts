import { libc } from './libc.ts'

/**
 * Gives pages back to the system that the C library holds free, of all threads: it does so itself only at the end of
 * its heap. Takes about a millisecond for 50 MB, in which other threads wait when they allocate. Not every C library
 * can (musl), and then nothing happens.
 */
export function trimMemory(): void {
  libc.mallocTrim?.(0)
}
