import { kernelError } from './errors.ts'
import { check, lastErrno, libc } from './libc.ts'
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD } from './linux.ts'

/** The C struct epoll_event in words of 32 bits: packed on x64, its second member aligned elsewhere. */
const eventWords = process.arch === 'x64' ? 3 : 4
const fdWord = process.arch === 'x64' ? 1 : 2

/** What a wait tells: descriptors, each with the tag that it was added with, and what it is ready for. */
export class EpollEvents {
  readonly words: Int32Array

  constructor(most: number) {
    this.words = new Int32Array(most * eventWords)
  }

  fd(index: number): number {
    return this.words[index * eventWords + fdWord] ?? -1
  }

  tag(index: number): number {
    return this.words[index * eventWords + fdWord + 1] ?? 0
  }

  readyFor(index: number): number {
    return this.words[index * eventWords] ?? 0
  }
}

const event = new Int32Array(eventWords)

/** An epoll of ours, level-triggered. @see epoll(7) */
export class Epoll implements Disposable {
  readonly fd: number

  /** Throws a KernelError. */
  constructor() {
    this.fd = check('epoll_create1', libc.epollCreate(EPOLL_CLOEXEC))
  }

  /** Throws a KernelError where the descriptor can't be watched. */
  add(fd: number, wanted: number, tag: number): void {
    if (this.#control(EPOLL_CTL_ADD, fd, wanted, tag) !== 0)
      throw kernelError('epoll_ctl(EPOLL_CTL_ADD)', lastErrno())
  }

  change(fd: number, wanted: number, tag: number): void {
    this.#control(EPOLL_CTL_MOD, fd, wanted, tag)
  }

  remove(fd: number): void {
    this.#control(EPOLL_CTL_DEL, fd, 0, 0)
  }

  /** Tells of at most so many that are ready now, without waiting. Returns how many these are. */
  look(events: EpollEvents, most: number): number {
    return libc.epollWait(this.fd, events.words, most, 0)
  }

  [Symbol.dispose](): void {
    libc.close(this.fd)
  }

  #control(operation: number, fd: number, wanted: number, tag: number): number {
    event[0] = wanted
    event[fdWord] = fd
    event[fdWord + 1] = tag
    return libc.epollControl(this.fd, operation, fd, event)
  }
}
