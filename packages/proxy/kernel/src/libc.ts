/**
 * Every C declaration of the product. A wrong signature here crashes the process, so nothing else loads koffi.
 * Structs are Buffers laid out by their users (all of them are the same on x64 and arm64, both little-endian LP64);
 * only `msghdr`, which holds pointers, is declared. `fcntl`, `ioctl`, `prctl` and `syscall` are variadic in C, but
 * take only integers and pointers here, which both ABIs pass as if they were not.
 */
/* oxlint-disable max-params -- the signatures are those of C. */
import { readFileSync } from 'node:fs'
import koffi from 'koffi'
import { kernelError } from './errors.ts'
import { RTLD_NODELETE, RTLD_NOW } from './linux.ts'

// The process itself: Node links its C library (glibc or musl) dynamically.
const lib = koffi.load(null)
keepKoffi()

const IoVec = koffi.struct({ base: 'void *', len: 'size_t' })
const MsgHdr = koffi.struct({
  name: 'void *',
  namelen: 'uint32_t',
  iov: koffi.pointer(IoVec),
  iovlen: 'size_t',
  control: 'void *',
  controllen: 'size_t',
  flags: 'int',
})

/** The C struct msghdr; koffi copies it in and, for `recvmsg`, the lengths and flags back out. */
export interface MessageHeader {
  readonly name: null
  readonly namelen: 0
  readonly iov: readonly { readonly base: Uint8Array; readonly len: number }[]
  readonly iovlen: 1
  readonly control: Uint8Array | null
  controllen: number
  flags: number
}

type Fd = number
/** A pointer argument; null is NULL. */
type Bytes = Uint8Array | null

interface Libc {
  readonly socket: (domain: number, type: number, protocol: number) => Fd
  readonly socketpair: (domain: number, type: number, protocol: number, fds: Uint8Array) => number
  readonly bind: (fd: Fd, address: Uint8Array, length: number) => number
  readonly listen: (fd: Fd, backlog: number) => number
  readonly connect: (fd: Fd, address: Uint8Array, length: number) => number
  readonly accept4: (fd: Fd, address: Bytes, length: Bytes, flags: number) => Fd
  readonly shutdown: (fd: Fd, how: number) => number
  readonly getsockname: (fd: Fd, address: Uint8Array, length: Uint8Array) => number
  readonly setsockopt: (fd: Fd, level: number, name: number, value: Uint8Array, length: number) => number
  readonly getsockopt: (fd: Fd, level: number, name: number, value: Uint8Array, length: Uint8Array) => number
  readonly send: (fd: Fd, data: Uint8Array, length: number, flags: number) => number
  readonly recv: (fd: Fd, data: Uint8Array, length: number, flags: number) => number
  readonly sendmsg: (fd: Fd, message: MessageHeader, flags: number) => number
  readonly recvmsg: (fd: Fd, message: MessageHeader, flags: number) => number
  readonly epollCreate: (flags: number) => Fd
  readonly epollControl: (epoll: Fd, operation: number, fd: Fd, event: Int32Array) => number
  readonly epollWait: (epoll: Fd, events: Int32Array, most: number, timeoutMs: number) => number
  readonly close: (fd: Fd) => number
  readonly fcntl: (fd: Fd, command: number, argument: number) => number
  readonly ioctl: (fd: Fd, request: number, argument: Bytes) => number
  readonly setns: (fd: Fd, type: number) => number
  readonly unshare: (flags: number) => number
  readonly mount: (source: string, target: string, type: string, flags: number, data: Bytes) => number
  readonly prctl: (option: number, a: number, b: number, c: number, d: number) => number
  readonly capset: (header: Uint8Array, data: Uint8Array) => number
  readonly setgroups: (count: number, list: Uint8Array) => number
  readonly setresgid: (real: number, effective: number, saved: number) => number
  readonly setresuid: (real: number, effective: number, saved: number) => number
  readonly signal: (signal: number, handler: null) => unknown
  readonly syscall: (number: number, a: number, b: number, c: number) => number
  readonly exitNow: (code: number) => void
  /** glibc's own. */
  readonly mallocTrim: ((padBytes: number) => number) | undefined
}

export const libc: Libc = {
  socket: lib.func('socket', 'int', ['int', 'int', 'int']),
  socketpair: lib.func('socketpair', 'int', ['int', 'int', 'int', 'void *']),
  bind: lib.func('bind', 'int', ['int', 'void *', 'uint32_t']),
  listen: lib.func('listen', 'int', ['int', 'int']),
  connect: lib.func('connect', 'int', ['int', 'void *', 'uint32_t']),
  accept4: lib.func('accept4', 'int', ['int', 'void *', 'void *', 'int']),
  shutdown: lib.func('shutdown', 'int', ['int', 'int']),
  getsockname: lib.func('getsockname', 'int', ['int', 'void *', 'void *']),
  setsockopt: lib.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint32_t']),
  getsockopt: lib.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']),
  send: lib.func('send', 'int64_t', ['int', 'void *', 'size_t', 'int']),
  recv: lib.func('recv', 'int64_t', ['int', 'void *', 'size_t', 'int']),
  sendmsg: lib.func('sendmsg', 'int64_t', ['int', koffi.pointer(MsgHdr), 'int']),
  recvmsg: lib.func('recvmsg', 'int64_t', ['int', koffi.inout(koffi.pointer(MsgHdr)), 'int']),
  epollCreate: lib.func('epoll_create1', 'int', ['int']),
  epollControl: lib.func('epoll_ctl', 'int', ['int', 'int', 'int', 'void *']),
  epollWait: lib.func('epoll_wait', 'int', ['int', 'void *', 'int', 'int']),
  close: lib.func('close', 'int', ['int']),
  fcntl: lib.func('fcntl', 'int', ['int', 'int', 'int']),
  ioctl: lib.func('ioctl', 'int', ['int', 'unsigned long', 'void *']),
  setns: lib.func('setns', 'int', ['int', 'int']),
  unshare: lib.func('unshare', 'int', ['int']),
  mount: lib.func('mount', 'int', ['str', 'str', 'str', 'unsigned long', 'void *']),
  prctl: lib.func('prctl', 'int', [
    'int',
    'unsigned long',
    'unsigned long',
    'unsigned long',
    'unsigned long',
  ]),
  capset: lib.func('capset', 'int', ['void *', 'void *']),
  setgroups: lib.func('setgroups', 'int', ['size_t', 'void *']),
  setresgid: lib.func('setresgid', 'int', ['uint32_t', 'uint32_t', 'uint32_t']),
  setresuid: lib.func('setresuid', 'int', ['uint32_t', 'uint32_t', 'uint32_t']),
  signal: lib.func('signal', 'void *', ['int', 'void *']),
  syscall: lib.func('syscall', 'long', ['long', 'long', 'long', 'long']),
  exitNow: lib.func('_exit', 'void', ['int']),
  mallocTrim: mallocTrimOrNone(),
}

/**
 * Node unloads an addon with the last thread that has it, and only then ends that thread's event loop, which still calls
 * koffi back for what it watched: so koffi stays loaded, whoever ends.
 */
function keepKoffi(): void {
  const [path] = /\/.*\/koffi\.node$/mu.exec(readFileSync('/proc/self/maps', 'latin1')) ?? []
  if (path !== undefined) lib.func('dlopen', 'void *', ['str', 'int'])(path, RTLD_NOW | RTLD_NODELETE)
}

function mallocTrimOrNone(): Libc['mallocTrim'] {
  try {
    return lib.func('malloc_trim', 'int', ['size_t'])
  } catch {
    return undefined
  }
}

/** errno of the last call on this thread; read it before anything else. */
export function lastErrno(): number {
  return koffi.errno()
}

/** The result of a call that says -1 on failure; throws a KernelError that names it. */
export function check(call: string, result: number, detail: string = ''): number {
  if (result === -1) throw kernelError(call, koffi.errno(), detail)
  return result
}

/** What is watched, if anything ever was. */
let polls: Set<{ stop(): void }> | undefined

/**
 * Node runs the event loop of a thread that ends once more, when nothing can be called back: koffi, which would try, aborts the
 * process.
 */
function stopAtExit(): Set<{ stop(): void }> {
  const found = new Set<{ stop(): void }>()
  process.once('exit', () => {
    for (const poll of found) poll.stop()
  })
  return found
}

/** Calls `onReadable` from the event loop while `fd` has something to read, until disposed. */
export function whenReadable(fd: number, onReadable: () => void): Disposable {
  polls ??= stopAtExit()
  const all = polls
  let open = true
  // koffi calls back outside any callback scope of Node, so promises resolved there would wait for the next event
  // of somebody else. An immediate comes right after, in the same turn of the loop.
  const handle = koffi.node.poll(fd, { readable: true }, () => {
    setImmediate(() => {
      if (open) onReadable()
    })
  })
  all.add(handle)
  return {
    [Symbol.dispose]: () => {
      if (!open) return
      open = false
      all.delete(handle)
      handle.stop()
      handle.close()
    },
  }
}
