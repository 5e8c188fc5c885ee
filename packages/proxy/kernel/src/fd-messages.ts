/** Messages with descriptors over unix sockets: SCM_RIGHTS (unix(7), cmsg(3)). */
import { kernelError } from './errors.ts'
import { check, lastErrno, libc } from './libc.ts'
import type { MessageHeader } from './libc.ts'
import * as linux from './linux.ts'

export interface FdMessage {
  /** Empty: the peer has ended. */
  readonly bytes: Buffer
  /** Close-on-exec; the receiver owns them. */
  readonly fds: readonly number[]
  /** The message or its descriptors did not fit, and the rest of it is lost. */
  readonly truncated: boolean
}

/** SCM_MAX_FD: the kernel takes no more in one message. @see unix(7) */
export const maxFds = 253
const controlHeaderBytes = 16

/** Sends one message; the descriptors stay open here too. Throws KERNEL_EAGAIN when the peer's queue is full. */
export function sendFds(socket: number, bytes: Uint8Array, fds: readonly number[] = []): void {
  const control = encodeControl(fds)
  const header = messageHeader(bytes, control)
  const flags = linux.MSG_NOSIGNAL | linux.MSG_DONTWAIT
  for (;;) {
    if (libc.sendmsg(socket, header, flags) !== -1) return
    const errno = lastErrno()
    if (errno !== linux.EINTR) throw kernelError('sendmsg', errno)
  }
}

/** The next message, or undefined while there is none. */
export function receiveFds(socket: number, maxBytes: number): FdMessage | undefined {
  const bytes = Buffer.alloc(maxBytes)
  const control = Buffer.alloc(controlHeaderBytes + maxFds * 4)
  const header = messageHeader(bytes, control)
  const length = libc.recvmsg(socket, header, linux.MSG_CMSG_CLOEXEC | linux.MSG_DONTWAIT)
  if (length === -1) {
    const errno = lastErrno()
    if (errno === linux.EAGAIN || errno === linux.EINTR) return undefined
    throw kernelError('recvmsg', errno)
  }
  return {
    bytes: bytes.subarray(0, Math.min(length, maxBytes)),
    fds: decodeControl(control.subarray(0, header.controllen)),
    truncated: (header.flags & (linux.MSG_TRUNC | linux.MSG_CTRUNC)) !== 0,
  }
}

/** A connected pair of sockets with message boundaries. */
export function packetPair(): [number, number] {
  const type = linux.SOCK_SEQPACKET | linux.SOCK_CLOEXEC | linux.SOCK_NONBLOCK
  const fds = Buffer.alloc(8)
  check('socketpair', libc.socketpair(linux.AF_UNIX, type, 0, fds))
  return [fds.readInt32LE(0), fds.readInt32LE(4)]
}

/** struct cmsghdr: size_t length, int level, int type, then the descriptors; aligned to eight. */
export function encodeControl(fds: readonly number[]): Buffer {
  if (fds.length === 0) return Buffer.alloc(0)
  const length = controlHeaderBytes + fds.length * 4
  const control = Buffer.alloc(alignControl(length))
  control.writeBigUInt64LE(BigInt(length), 0)
  control.writeInt32LE(linux.SOL_SOCKET, 8)
  control.writeInt32LE(linux.SCM_RIGHTS, 12)
  for (const [i, fd] of fds.entries()) control.writeInt32LE(fd, controlHeaderBytes + i * 4)
  return control
}

export function decodeControl(control: Buffer): readonly number[] {
  const fds: number[] = []
  let offset = 0
  while (offset + controlHeaderBytes <= control.length) {
    const length = Number(control.readBigUInt64LE(offset))
    if (length < controlHeaderBytes || offset + length > control.length) break
    const rights =
      control.readInt32LE(offset + 8) === linux.SOL_SOCKET &&
      control.readInt32LE(offset + 12) === linux.SCM_RIGHTS
    for (let at = offset + controlHeaderBytes; rights && at + 4 <= offset + length; at += 4) {
      fds.push(control.readInt32LE(at))
    }
    offset += alignControl(length)
  }
  return fds
}

function messageHeader(bytes: Uint8Array, control: Buffer): MessageHeader {
  return {
    name: null,
    namelen: 0,
    iov: [{ base: bytes, len: bytes.length }],
    iovlen: 1,
    control: control.length === 0 ? null : control,
    controllen: control.length,
    flags: 0,
  }
}

function alignControl(length: number): number {
  return (length + 7) & ~7
}
