/**
 * Network namespaces. A namespace belongs to a thread, so everything between entering one and coming back is
 * strictly synchronous: no other code of this thread may run in the wrong namespace.
 */
import { assert } from '@tulle/core'
import { closeSync, openSync, writeSync } from 'node:fs'
import { kernelError } from './errors.ts'
import { check, lastErrno, libc } from './libc.ts'
import { CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, MS_PRIVATE, MS_REC, NS_GET_NSTYPE } from './linux.ts'

/** A file descriptor of a network namespace. Its owner closes it with `closeFd`. */
export type NetnsFd = number

// The namespace that this thread is at home in; opened when it is first left.
let home: NetnsFd | undefined
let current: NetnsFd | undefined

/** Opens a namespace by path (`/proc/PID/ns/net`, `/run/netns/NAME`). Refuses what is no network namespace. */
export function openNetns(path: string): NetnsFd {
  const fd = openSync(path, 'r')
  try {
    return checkNetns(fd)
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** The same `fd`, when it is one of a *network* namespace; throws otherwise. Does not close it. */
export function checkNetns(fd: number): NetnsFd {
  const type = check(
    'ioctl(NS_GET_NSTYPE)',
    libc.ioctl(fd, NS_GET_NSTYPE, null),
    'expected a network namespace',
  )
  if (type !== CLONE_NEWNET) {
    throw kernelError(
      'ioctl(NS_GET_NSTYPE)',
      22,
      `expected a network namespace, found type 0x${type.toString(16)}`,
    )
  }
  return fd
}

export function netnsOfPid(pid: number): NetnsFd {
  return openNetns(`/proc/${pid}/ns/net`)
}

/** The namespace that this thread is in now. */
export function currentNetns(): NetnsFd {
  return openNetns('/proc/thread-self/ns/net')
}

/** Makes an anonymous namespace, which lives as long as something refers to it. Its `lo` is down. */
export function newNetns(): NetnsFd {
  const back = homeNetns()
  check('unshare(CLONE_NEWNET)', libc.unshare(CLONE_NEWNET))
  try {
    return currentNetns()
  } finally {
    comeBack(current ?? back)
  }
}

/**
 * Runs `run` inside the namespace and comes back, also when it throws; may be nested. If coming back fails, the
 * process ends: its sockets would otherwise be made in somebody else's namespace from then on.
 */
export function inNetns<T>(netns: NetnsFd, run: () => T extends PromiseLike<unknown> ? never : T): T {
  const before = current ?? homeNetns()
  check('setns(CLONE_NEWNET)', libc.setns(netns, CLONE_NEWNET))
  current = netns
  try {
    const value = run()
    assert(!isThenable(value), 'what runs inside a namespace is synchronous')
    return value
  } finally {
    comeBack(before)
  }
}

/** `inNetns`, or just `run` where there is no namespace to enter. */
export function maybeInNetns<T>(
  netns: NetnsFd | undefined,
  run: () => T extends PromiseLike<unknown> ? never : T,
): T {
  return netns === undefined ? run() : inNetns(netns, run)
}

/**
 * Moves the calling thread, and the children it starts from now on, to a new network namespace. Other threads of
 * this process (the file-system pool, workers that run already) stay where they are.
 */
export function unshareNet(): void {
  assert(current === undefined, 'unshareNet is not called inside inNetns')
  check('unshare(CLONE_NEWNET)', libc.unshare(CLONE_NEWNET))
  forgetHome()
}

/** Moves the calling thread for good, as the launcher of a workload does. */
export function enterNetns(netns: NetnsFd): void {
  assert(current === undefined, 'enterNetns is not called inside inNetns')
  check('setns(CLONE_NEWNET)', libc.setns(netns, CLONE_NEWNET))
  forgetHome()
}

/**
 * Gives the calling thread, and the children it starts, a mount namespace of its own, from which no mount leaks
 * out. Asynchronous file-system calls run on other threads and do not see it: use the synchronous ones.
 */
export function unshareMount(): void {
  check('unshare(CLONE_NEWNS)', libc.unshare(CLONE_NEWNS))
  check('mount(MS_PRIVATE)', libc.mount('none', '/', 'none', MS_REC | MS_PRIVATE, null))
}

/**
 * The children that this process starts from now on are in a process namespace of their own. The first of them is
 * its init: when that one ends, the kernel ends all the others.
 */
export function unsharePidsOfChildren(): void {
  check('unshare(CLONE_NEWPID)', libc.unshare(CLONE_NEWPID))
}

/** Closes a descriptor that one of these functions made. */
export function closeFd(fd: number): void {
  closeSync(fd)
}

function homeNetns(): NetnsFd {
  home ??= currentNetns()
  return home
}

function forgetHome(): void {
  if (home !== undefined) closeSync(home)
  home = undefined
}

function comeBack(netns: NetnsFd): void {
  if (libc.setns(netns, CLONE_NEWNET) === -1) {
    const errno = lastErrno()
    writeSync(2, `tulle: cannot leave a workload's network namespace (errno ${errno}); ending the process\n`)
    // process.exit would end only this thread where it is a worker, and would run code in the wrong namespace.
    libc.exitNow(70)
  }
  current = netns === home ? undefined : netns
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
