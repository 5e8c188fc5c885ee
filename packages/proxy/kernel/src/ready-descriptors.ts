/**
 * Which of this thread's descriptors are ready: an epoll of our own, which the event loop watches as one descriptor. A turn
 * then costs two calls for all of them, where Node calls into JavaScript and back for each.
 */
import { flushAfter, flushNow } from '@tulle/core'
import { Epoll, EpollEvents } from './epoll.ts'
import { whenReadable } from './libc.ts'
import { EPOLLET } from './linux.ts'
import { ReadyGroup } from './ready-group.ts'
import type { Watched, Watcher } from './ready-group.ts'

/** Those beyond wait for the next turn, so that what Node watches, such as TLS, has its own. */
const maxEventsOfTurn = 256
/** Where there are several groups: the longer a turn, the longer each of them waits for the next. */
const maxEventsOfSharedTurn = 32

/** Of these, all are looked at: who has one descriptor that is ready is not to wait behind the hundreds of another before that is seen. */
const maxEventsOfLook = 1024

/** A turn of the event loop, with two calls of koffi's, costs as much as several looks. */
const maxLooksOfTurn = 4

/** Where there was less, nothing will have come while it was handled. */
const minEventsToLookAgain = 4

interface Looking {
  readonly epoll: Epoll
  readonly poll: Disposable
}

/** There while something is watched: an epoll that nobody needs would keep its thread, or its descriptor, alive. */
let looking: Looking | undefined
const watched: Map<number, Watched> = new Map()
let lastTag = 0
/** What belongs to nobody in particular. */
const commonGroup = new ReadyGroup()
/** How many groups have descriptors that are watched. */
let groupsWatched = 0
/** Those with descriptors that wait for their turn. */
let groupsWaiting: ReadyGroup[] = []
let isTurnDue = false
const events = new EpollEvents(maxEventsOfLook)

/** `wanted` is of EPOLLIN and EPOLLOUT; errors are told always. Throws a KernelError where the descriptor can't be watched. */
export function watchDescriptor(
  fd: number,
  wanted: number,
  watcher: Watcher,
  group: ReadyGroup = commonGroup,
): void {
  looking ??= startLooking()
  lastTag = (lastTag + 1) | 0
  try {
    looking.epoll.add(fd, wanted, lastTag)
    watched.set(fd, {
      fd,
      tag: lastTag,
      watcher,
      group,
      wanted,
      readyFor: 0,
      isWaiting: false,
      isMuted: false,
    })
    group.watched++
    if (group.watched === 1) groupsWatched++
  } finally {
    stopWhereUnused()
  }
}

/** What a descriptor that is watched and still open is watched for from now on. */
export function changeWatch(fd: number, wanted: number): void {
  const one = watched.get(fd)
  if (one === undefined) return
  one.wanted = wanted
  if (!one.isMuted) looking?.epoll.change(fd, wanted, one.tag)
}

/** Of a descriptor that is watched and still open. */
export function unwatchDescriptor(fd: number): void {
  looking?.epoll.remove(fd)
  forgetDescriptor(fd)
}

/** Of a descriptor that is watched, and closed next: the kernel forgets it with that. */
export function forgetDescriptor(fd: number): void {
  const one = watched.get(fd)
  if (one === undefined) return
  watched.delete(fd)
  one.isWaiting = false
  one.group.watched--
  if (one.group.watched === 0) groupsWatched--
  stopWhereUnused()
}

function startLooking(): Looking {
  const epoll = new Epoll()
  try {
    return { epoll, poll: whenReadable(epoll.fd, () => isTurnDue || flushAfter(takeTurn)) }
  } catch (error) {
    epoll[Symbol.dispose]()
    throw error
  }
}

function stopWhereUnused(): void {
  if (watched.size > 0 || looking === undefined) return
  looking.poll[Symbol.dispose]()
  looking.epoll[Symbol.dispose]()
  looking = undefined
}

function takeTurn(): void {
  try {
    handleReady()
  } finally {
    if (groupsWaiting.length > 0) takeTurnNext()
  }
}

/** Looks again while much comes: each look's answers leave before the next one, and bulk waits for the next turn, as does what is too much. */
function handleReady(): void {
  const isShared = groupsWatched > 1
  let left = isShared ? maxEventsOfSharedTurn : maxEventsOfTurn
  for (let looks = 1; ; looks++) {
    look(isShared ? maxEventsOfLook : left)
    const handled = handleWaiting(left)
    left -= handled
    const isMuch = handled >= minEventsToLookAgain && left > 0
    if (!isMuch || looks === maxLooksOfTurn || groupsWaiting.length > 0) return
    flushNow()
  }
}

/** The kernel may not tell again of those that wait. */
function takeTurnNext(): void {
  isTurnDue = true
  setImmediate(() => {
    isTurnDue = false
    flushAfter(takeTurn)
  })
}

/** What is ready now waits for its turn from now on, if it does not yet. */
function look(most: number): void {
  const epoll = looking?.epoll
  if (epoll === undefined) return
  const count = epoll.look(events, most)
  for (let index = 0; index < count; index++) {
    const one = watched.get(events.fd(index))
    if (one === undefined || one.tag !== events.tag(index)) continue
    if (one.isWaiting) {
      one.readyFor |= events.readyFor(index)
      mute(epoll, one)
    } else {
      one.readyFor = events.readyFor(index)
      one.isWaiting = true
      if (one.group.waiting === 0) groupsWaiting.push(one.group)
      one.group.push(one)
    }
  }
}

/**
 * As many of each group, at first of those with the least to do. Returns how many, about as many as asked for; 0 where others of the
 * thread should have their turn.
 */
function handleWaiting(most: number): number {
  if (groupsWaiting.length > 1) groupsWaiting.sort((a, b) => a.waiting - b.waiting)
  const share = Math.ceil(most / groupsWaiting.length)
  let handled = 0
  let isBulk = false
  try {
    for (const group of groupsWaiting) {
      // What came of others' input does not wait for one that has too much.
      if (group.waiting > share) flushNow()
      for (let left = Math.min(share, group.waiting); left > 0; left--) {
        handled++
        if (handleFirst(group)) isBulk = true
      }
    }
  } finally {
    groupsWaiting = groupsWaiting.filter(({ waiting }) => waiting > 0)
  }
  return isBulk ? 0 : handled
}

/** Returns what its watcher does. */
function handleFirst(group: ReadyGroup): boolean {
  const one = group.shift()
  if (one?.isWaiting !== true) return false
  one.isWaiting = false
  if (one.isMuted) unmute(one)
  return one.watcher.onReady(one.readyFor)
}

/** Telling of hundreds that wait costs more in each look than asking once not to. Edge-triggered, as failures are told in any case. */
function mute(epoll: Epoll, one: Watched): void {
  if (one.isMuted) return
  one.isMuted = true
  epoll.change(one.fd, EPOLLET, one.tag)
}

function unmute(one: Watched): void {
  one.isMuted = false
  looking?.epoll.change(one.fd, one.wanted, one.tag)
}
