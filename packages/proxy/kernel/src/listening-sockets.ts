/** Listening sockets on their way from one process to another. */
import { fstatSync } from 'node:fs'
import { check, libc } from './libc.ts'
import { F_DUPFD_CLOEXEC, SIOCGSKNS, SO_ACCEPTCONN, SOL_SOCKET } from './linux.ts'
import { closeFd } from './netns.ts'
import type { NetnsFd } from './netns.ts'
import { localAddress } from './sockets.ts'
import type { SocketAddress } from './socket-address.ts'

/** A second descriptor of the same open file, close-on-exec: a number that stays valid when the first is closed. */
export function duplicateFd(fd: number): number {
  return check('fcntl(F_DUPFD_CLOEXEC)', libc.fcntl(fd, F_DUPFD_CLOEXEC, 0))
}

export interface ListenerFacts {
  readonly listening: boolean
  readonly address: SocketAddress | undefined
  /** Whether it lies in the namespace that was named. */
  readonly sameNetns: boolean
}

/**
 * What the kernel knows of a socket that somebody handed to us. A socket in another workload's namespace would lend
 * that workload's traffic the wrong identity, so its word is worth more than the sender's.
 */
export function listenerFacts(fd: number, netns: NetnsFd): ListenerFacts {
  const box = Buffer.alloc(4)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(box.length)
  check('getsockopt(SO_ACCEPTCONN)', libc.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, box, length))
  const home = check('ioctl(SIOCGSKNS)', libc.ioctl(fd, SIOCGSKNS, null))
  try {
    const [a, b] = [fstatSync(home), fstatSync(netns)]
    return {
      listening: box.readInt32LE(0) === 1,
      address: localAddress(fd),
      sameNetns: a.ino === b.ino && a.dev === b.dev,
    }
  } finally {
    closeFd(home)
  }
}
