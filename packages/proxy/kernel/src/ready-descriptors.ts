/**
 * Which of this thread's descriptors have something to read: an epoll of our own, which the event loop watches as one
 * descriptor. A turn then costs two calls for all of them, where Node calls into JavaScript and back for each.
 */
import { flushAfter, flushNow } from '@tulle/core'
import { check, libc, whenReadable } from './libc.ts'
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN } from './linux.ts'

/** Is called whenever its descriptor has something to read, or an error or an end to tell. */
export interface ReadyReader {
  /** Reads once. True: the rest of the thread should have its turn before this is asked again. */
  onReady(): boolean
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
const readers: (ReadyReader | undefined)[] = []
const events = new Int32Array(maxEventsOfTurn * eventWords)
const event = new Int32Array(eventWords)

/** Throws a KernelError where the descriptor is none, or can't be watched. */
export function watchDescriptor(fd: number, reader: ReadyReader): void {
  epoll ??= openEpoll()
  event[0] = EPOLLIN
  event[fdWord] = fd
  const added = libc.epollControl(epoll.fd, EPOLL_CTL_ADD, fd, event)
  if (added === 0) {
    readers[fd] = reader
    watched++
    return
  }
  closeUnused()
  check('epoll_ctl(EPOLL_CTL_ADD)', added)
}

/** Of a descriptor that is watched and still open. */
export function unwatchDescriptor(fd: number, reader: ReadyReader): void {
  if (epoll !== undefined) libc.epollControl(epoll.fd, EPOLL_CTL_DEL, fd, event)
  forgetDescriptor(fd, reader)
}

/** Of a descriptor that was watched until it was closed, which its number's next owner may have been since. */
export function forgetDescriptor(fd: number, reader: ReadyReader): void {
  if (readers[fd] === reader) readers[fd] = undefined
  watched--
  closeUnused()
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
  // A reader may close descriptors of others here, and open new ones with their numbers: those find nothing to read.
  for (let at = 0; at < count * eventWords; at += eventWords)
    if (readers[events[at + fdWord] ?? -1]?.onReady() === true) isBulk = true
  return isBulk ? 0 : count
}
