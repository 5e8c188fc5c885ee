/** TCP sockets made in any network namespace, with the options that Node does not offer. */
import { isIPv6 } from 'node:net'
import { check, lastErrno, libc } from './libc.ts'
import * as linux from './linux.ts'
import { maybeInNetns } from './netns.ts'
import type { NetnsFd } from './netns.ts'
import { decodeSocketAddress, encodeSocketAddress } from './socket-address.ts'
import type { SocketAddress } from './socket-address.ts'

export interface ListenTcpOptions {
  /** Where to listen; the thread's own namespace when absent. */
  readonly netns?: NetnsFd
  /** `::` takes IPv4 too, as IPv4-mapped peers. */
  readonly address: string
  /** 0 lets the kernel choose: see `localAddress`. */
  readonly port: number
  /** Several sockets (one a worker) share the port; the kernel spreads connections over them. */
  readonly reusePort?: boolean
  /** IP_TRANSPARENT: accepted sockets may have foreign local addresses. */
  readonly transparent?: boolean
  /** SO_MARK of the listener, and of what it accepts. */
  readonly mark?: number
  readonly backlog?: number
}

export interface OpenTcpSocketOptions {
  readonly netns?: NetnsFd
  readonly family: 4 | 6
  readonly mark?: number
  /** The local end; with `transparent` it may be an address that this machine does not have. Port 0: any. */
  readonly bindTo?: SocketAddress
  /** IP_TRANSPARENT and IP_FREEBIND. */
  readonly transparent?: boolean
}

const defaultBacklog = 1024

/** A listening descriptor, non-blocking and close-on-exec. The caller owns it. */
export function listenTcp(options: ListenTcpOptions): number {
  const family = isIPv6(options.address) ? 6 : 4
  return buildSocket(family, options.netns, (fd) => {
    setOption(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, 1)
    if (options.reusePort === true) setOption(fd, linux.SOL_SOCKET, linux.SO_REUSEPORT, 1)
    if (family === 6) setOption(fd, linux.SOL_IPV6, linux.IPV6_V6ONLY, 0)
    if (options.transparent === true) setTransparent(fd, family)
    if (options.mark !== undefined) setOption(fd, linux.SOL_SOCKET, linux.SO_MARK, options.mark)
    bindSocket(fd, options)
    const where = `${options.address} port ${options.port}`
    check('listen', libc.listen(fd, options.backlog ?? defaultBacklog), where)
  })
}

/** An unconnected descriptor, non-blocking, close-on-exec and without Nagle's delay, for a `PlainSocket` or `connectTlsFd`. */
export function openTcpSocket(options: OpenTcpSocketOptions): number {
  return buildSocket(options.family, options.netns, (fd) => {
    setNoDelay(fd)
    if (options.transparent === true) setTransparent(fd, options.family)
    if (options.mark !== undefined) setOption(fd, linux.SOL_SOCKET, linux.SO_MARK, options.mark)
    if (options.bindTo !== undefined) {
      setOption(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, 1)
      bindSocket(fd, options.bindTo)
    }
  })
}

/**
 * Where a redirected connection was going before the kernel's NAT sent it here; undefined where NAT knows nothing
 * of it. For a connection that was made to this listener itself, it is the listener's own address: refuse that.
 */
export function originalDestination(fd: number): SocketAddress | undefined {
  return (
    addressOption(fd, linux.SOL_IP, linux.SO_ORIGINAL_DST, 16) ??
    addressOption(fd, linux.SOL_IPV6, linux.IP6T_SO_ORIGINAL_DST, 28)
  )
}

/** The local end of a socket. */
export function localAddress(fd: number): SocketAddress | undefined {
  const struct = Buffer.alloc(28)
  const length = lengthBox(struct.length)
  check('getsockname', libc.getsockname(fd, struct, length))
  return decodeSocketAddress(struct.subarray(0, length.readUInt32LE(0)))
}

export interface KeepAliveOptions {
  /** Idle time before the first probe; whole seconds. */
  readonly idleMs: number
  /** Time between probes; whole seconds. */
  readonly intervalMs: number
  readonly probes: number
}

/** TCP keep-alive with all three of its numbers (Node sets only the first). */
export function setKeepAlive(fd: number, options: KeepAliveOptions): void {
  setOption(fd, linux.SOL_SOCKET, linux.SO_KEEPALIVE, 1)
  setOption(fd, linux.IPPROTO_TCP, linux.TCP_KEEPIDLE, Math.ceil(options.idleMs / 1000))
  setOption(fd, linux.IPPROTO_TCP, linux.TCP_KEEPINTVL, Math.ceil(options.intervalMs / 1000))
  setOption(fd, linux.IPPROTO_TCP, linux.TCP_KEEPCNT, options.probes)
}

/** Data that stays unacknowledged this long ends the connection (RFC 5482). */
export function setUserTimeout(fd: number, timeoutMs: number): void {
  setOption(fd, linux.IPPROTO_TCP, linux.TCP_USER_TIMEOUT, timeoutMs)
}

/** Small writes leave at once, instead of waiting for others (RFC 896). What a listener accepts inherits it. */
export function setNoDelay(fd: number): void {
  setOption(fd, linux.IPPROTO_TCP, linux.TCP_NODELAY, 1)
}

/** Makes the next close of `fd` send RST instead of FIN. */
export function setResetOnClose(fd: number): void {
  const linger = Buffer.alloc(8)
  linger.writeInt32LE(1, 0)
  check(
    'setsockopt(SO_LINGER)',
    libc.setsockopt(fd, linux.SOL_SOCKET, linux.SO_LINGER, linger, linger.length),
  )
}

/** The errno of what failed on a socket since it was asked last, such as its connecting; 0: nothing. */
export function socketError(fd: number): number {
  return getOption(fd, linux.SOL_SOCKET, linux.SO_ERROR)
}

/**
 * Whether a connection that was made has been ended or reset by its peer since, or closed here, where there is no descriptor
 * left to ask about. False where the kernel can't tell.
 */
export function isPeerGone(fd: number): boolean {
  if (fd < 0) return true
  const state = tcpState(fd)
  return state !== undefined && state !== linux.TCP_ESTABLISHED
}

/** The first byte of struct tcp_info. Kept with its length: new buffers take two thirds of the time of a look. */
const state = Buffer.alloc(1)
const stateLength = Buffer.alloc(4)

/** Undefined where the kernel can't tell. */
export function tcpState(fd: number): number | undefined {
  stateLength.writeUInt32LE(state.length, 0)
  const found = libc.getsockopt(fd, linux.IPPROTO_TCP, linux.TCP_INFO, state, stateLength)
  return found === 0 ? state[0] : undefined
}

/** The socket counts as readable from so many bytes on, or at its end. @see socket(7), SO_RCVLOWAT */
export function setReceiveLowWater(fd: number, bytes: number): void {
  setOption(fd, linux.SOL_SOCKET, linux.SO_RCVLOWAT, bytes)
}

export function getMark(fd: number): number {
  return getOption(fd, linux.SOL_SOCKET, linux.SO_MARK)
}

function buildSocket(family: 4 | 6, netns: NetnsFd | undefined, configure: (fd: number) => void): number {
  const domain = family === 6 ? linux.AF_INET6 : linux.AF_INET
  const type = linux.SOCK_STREAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC
  // Only the making of a socket needs the namespace: it stays there for good.
  const fd = maybeInNetns(netns, () => check('socket', libc.socket(domain, type, linux.IPPROTO_TCP)))
  try {
    configure(fd)
    return fd
  } catch (error) {
    libc.close(fd)
    throw error
  }
}

function bindSocket(fd: number, { address, port }: SocketAddress): void {
  const struct = encodeSocketAddress(address, port)
  check('bind', libc.bind(fd, struct, struct.length), `${address} port ${port}`)
}

function setTransparent(fd: number, family: 4 | 6): void {
  // A dual-stack listener needs both: its IPv4 connections are governed by the IPv4 flag.
  setOption(fd, linux.SOL_IP, linux.IP_TRANSPARENT, 1)
  setOption(fd, linux.SOL_IP, linux.IP_FREEBIND, 1)
  if (family === 4) return
  setOption(fd, linux.SOL_IPV6, linux.IPV6_TRANSPARENT, 1)
  setOption(fd, linux.SOL_IPV6, linux.IPV6_FREEBIND, 1)
}

function setOption(fd: number, level: number, name: number, value: number): void {
  const box = Buffer.alloc(4)
  box.writeInt32LE(value, 0)
  check('setsockopt', libc.setsockopt(fd, level, name, box, 4), `level ${level} option ${name}`)
}

function getOption(fd: number, level: number, name: number): number {
  const box = Buffer.alloc(4)
  check('getsockopt', libc.getsockopt(fd, level, name, box, lengthBox(4)), `level ${level} option ${name}`)
  return box.readInt32LE(0)
}

/** Not knowing is an expected outcome here, so no exception is made for it. */
function addressOption(fd: number, level: number, name: number, size: number): SocketAddress | undefined {
  const struct = Buffer.alloc(size)
  if (libc.getsockopt(fd, level, name, struct, lengthBox(size)) === -1) {
    const errno = lastErrno()
    if (errno === linux.EBADF) check('getsockopt(SO_ORIGINAL_DST)', -1)
    return undefined
  }
  return decodeSocketAddress(struct)
}

function lengthBox(length: number): Buffer {
  const box = Buffer.alloc(4)
  box.writeUInt32LE(length, 0)
  return box
}
