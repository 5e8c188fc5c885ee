/**
 * Which of this thread's descriptors are ready: an epoll of our own, which the event loop watches as one descriptor. A turn
 * then costs two calls for all of them, where Node calls into JavaScript and back for each.
 */
import { flushAfter, flushNow } from '@tulle/core'
import { kernelError } from './errors.ts'
import { check, lastErrno, libc, whenReadable } from './libc.ts'
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD } from './linux.ts'

/** Is called whenever its descriptor is ready for what it is watched for, or has an error to tell. */
export interface Watcher {
  /** Reads once at most. True: the rest of the thread should have its turn before this is asked again. */
  onReady(events: number): boolean
}

/** The C struct epoll_event in words of 32 bits: packed on x64, its second member aligned elsewhere. */
const eventWords = process.arch === 'x64' ? 3 : 4
const fdWord = process.arch === 'x64' ? 1 : 2

/** Those beyond wait for the next turn, so that others have theirs. */
const maxEventsOfTurn = 256

/** A turn of the event loop, with two calls of koffi's, costs as much as several looks. */
const maxLooksOfTurn = 4

/** Where there was less, nothing will have come while it was handled. */
const minEventsToLookAgain = 4

interface Epoll {
  readonly fd: number
  readonly watch: Disposable
}

/** There while something is watched: an epoll that nobody needs would keep its thread, or its descriptor, alive. */
let epoll: Epoll | undefined
let watched = 0
const watchers: (Watcher | undefined)[] = []
/** Which owner of a number it is: an event may be told after its descriptor was closed, and the number given to another. */
const generations: number[] = []
const events = new Int32Array(maxEventsOfTurn * eventWords)
const event = new Int32Array(eventWords)

/** `wanted` is of EPOLLIN and EPOLLOUT; errors are told always. Throws a KernelError where the descriptor can't be watched. */
export function watchDescriptor(fd: number, wanted: number, watcher: Watcher): void {
  epoll ??= openEpoll()
  generations[fd] = ((generations[fd] ?? 0) + 1) | 0
  const added = control(epoll, EPOLL_CTL_ADD, fd, wanted)
  if (added !== 0) {
    const error = kernelError('epoll_ctl(EPOLL_CTL_ADD)', lastErrno())
    closeUnused()
    throw error
  }
  watchers[fd] = watcher
  watched++
}

/** What a descriptor that is watched and still open is watched for from now on. */
export function changeWatch(fd: number, wanted: number): void {
  if (epoll !== undefined) control(epoll, EPOLL_CTL_MOD, fd, wanted)
}

/** Of a descriptor that is watched and still open. */
export function unwatchDescriptor(fd: number): void {
  if (epoll !== undefined) control(epoll, EPOLL_CTL_DEL, fd, 0)
  forgetDescriptor(fd)
}

/** Of a descriptor that is watched, and closed next: the kernel forgets it with that. */
export function forgetDescriptor(fd: number): void {
  watchers[fd] = undefined
  watched--
  closeUnused()
}

function control({ fd: epollFd }: Epoll, operation: number, fd: number, wanted: number): number {
  event[0] = wanted
  event[fdWord] = fd
  event[fdWord + 1] = generations[fd] ?? 0
  return libc.epollControl(epollFd, operation, fd, event)
}

function openEpoll(): Epoll {
  const fd = check('epoll_create1', libc.epollCreate(EPOLL_CLOEXEC))
  try {
    return { fd, watch: whenReadable(fd, () => flushAfter(callReady)) }
  } catch (error) {
    libc.close(fd)
    throw error
  }
}

function closeUnused(): void {
  if (watched > 0 || epoll === undefined) return
  epoll.watch[Symbol.dispose]()
  libc.close(epoll.fd)
  epoll = undefined
}

/** Looks again while much comes: each look's answers leave before the next one, and bulk waits for the next turn. */
function callReady(): void {
  let left = maxEventsOfTurn
  for (let looks = 1; ; looks++) {
    const handled = callReadyOnce(left)
    left -= handled
    if (handled < minEventsToLookAgain || looks === maxLooksOfTurn || left === 0) return
    flushNow()
  }
}

/** Returns how many there were; 0 where others of the thread should have their turn. */
function callReadyOnce(most: number): number {
  if (epoll === undefined) return 0
  const count = libc.epollWait(epoll.fd, events, most, 0)
  let isBulk = false
  for (let at = 0; at < count * eventWords; at += eventWords) {
    const fd = events[at + fdWord] ?? -1
    // One before may have closed this, and opened another with its number.
    if (events[at + fdWord + 1] === generations[fd] && watchers[fd]?.onReady(events[at] ?? 0) === true)
      isBulk = true
  }
  return isBulk ? 0 : count
}
