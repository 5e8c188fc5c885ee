/**
 * Everything that leans on Node's private handles: sockets on descriptors that Node did not make. Node 24 and 26
 * agree on what is used here; `nodeHandlesSelfTest` finds out at start-up whether the Node at hand does too.
 *
 * - `new net.Socket({ fd })` reads at once, which fails on an unconnected socket; `manualStart` keeps it quiet
 *   until `connect`, which uses the handle that it finds, or until TLS takes its handle over.
 * - `tls.connect` makes its TCP handle at once but connects in the next tick (numeric hosts only): in between the
 *   handle can be opened on a descriptor of ours.
 * - `onread` counts only in a socket's constructor, and servers don't pass it on: the sockets of a `tls.Server` get
 *   it later, by the fields that the constructor sets.
 */
import { isIP, Socket } from 'node:net'
import type { OnReadOpts } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { kernelError, KernelError } from './errors.ts'
import { libc } from './libc.ts'
import { setResetOnClose } from './sockets.ts'

/** The part of Node's TCP wrap that is used. */
interface TcpHandle {
  readonly fd: number
  open(fd: number): number
}

export interface ConnectTcpFdOptions {
  /** Of `openTcpSocket`; the socket owns it from here on, also when this call throws. */
  readonly fd: number
  /** An IP address. */
  readonly host: string
  readonly port: number
}

/** Connects a descriptor. Half-open connections are allowed: the caller ends its side. */
export function connectTcpFd(options: ConnectTcpFdOptions): Socket {
  return owning(options.fd, () => {
    expectNumericHost(options.host)
    const socket = new Socket(socketOptions({ fd: options.fd, manualStart: true }))
    return socket.connect({ host: options.host, port: options.port })
  })
}

export interface ConnectTlsFdOptions {
  /** As above. */
  readonly fd: number
  readonly host: string
  readonly port: number
  /** Recycled read buffers instead of `data` events; the callback's `false` pauses reading. */
  readonly onread?: OnReadOpts
  /** Bytes queued for writing before `write` says false. */
  readonly highWaterMark?: number
  readonly tls: Omit<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'onread' | 'lookup'>
}

/** A TLS client on a descriptor. Who the peer must be is up to `tls.checkServerIdentity`; no SNI by default. */
export function connectTlsFd(options: ConnectTlsFdOptions): TLSSocket {
  return owning(options.fd, () => {
    expectNumericHost(options.host)
    const { host, port, onread, highWaterMark } = options
    const extra = { ...(onread && { onread }), ...(highWaterMark !== undefined && { highWaterMark }) }
    const socket = connectTls({ ...options.tls, ...extra, host, port })
    const errno = tcpHandle(socket).open(options.fd)
    if (errno !== 0) {
      socket.destroy()
      throw kernelError('uv_tcp_open', -errno)
    }
    return socket
  })
}

/**
 * A socket on a connected descriptor of which nothing was read, for a `tls.Server`, which takes both over: owns the descriptor, also
 * when this throws, and reads nothing by itself. Not half open: a peer that leaves during its handshake would stay until the timeout.
 */
export function adoptFd(fd: number): Socket {
  return owning(fd, () => new Socket(socketOptions({ fd, manualStart: true, allowHalfOpen: false })))
}

/**
 * Recycled read buffers for a socket that exists and was given no data yet, such as one that a `tls.Server` made.
 * False: this Node keeps its read buffers elsewhere, and the socket is as it was.
 */
export function useOnread(
  socket: Socket,
  onread: OnReadOpts & { readonly buffer: () => Uint8Array },
): boolean {
  onreadFields ??= findOnreadFields(socket)
  const handle: unknown = Reflect.get(socket, '_handle')
  if (onreadFields === undefined || !(onreadFields.generator in socket) || !takesBuffers(handle)) return false
  const first = onread.buffer()
  Reflect.set(socket, onreadFields.buffer, first)
  Reflect.set(socket, onreadFields.callback, onread.callback)
  Reflect.set(socket, onreadFields.generator, onread.buffer)
  handle.useUserBuffer(first)
  return true
}

/** The descriptor of a socket (TLS sockets: of the TCP socket below); -1 when it is closed. */
export function socketFd(socket: Socket): number {
  const handle = findTcpHandle(socket)
  return handle === undefined ? -1 : handle.fd
}

/** Ends a connection with RST: what was not sent yet is lost, and the peer sees an error. */
export function resetSocket(socket: Socket): void {
  const fd = socketFd(socket)
  if (fd >= 0) setResetOnClose(fd)
  socket.destroy()
}

interface OnreadFields {
  readonly buffer: symbol
  readonly callback: symbol
  readonly generator: symbol
}

/** Where a socket's constructor puts `onread`: symbols of Node's own, the same for all sockets, known by their descriptions. */
let onreadFields: OnreadFields | undefined

function findOnreadFields(socket: Socket): OnreadFields | undefined {
  const symbols = Object.getOwnPropertySymbols(socket)
  const named = (name: string): symbol | undefined => symbols.find(({ description }) => description === name)
  const [buffer, callback, generator] = [named('kBuffer'), named('kBufferCb'), named('kBufferGen')]
  if (buffer === undefined || callback === undefined || generator === undefined) return undefined
  return { buffer, callback, generator }
}

function takesBuffers(handle: unknown): handle is { useUserBuffer(buffer: Uint8Array): void } {
  return typeof handle === 'object' && handle !== null && 'useUserBuffer' in handle
}

function socketOptions(extra: object): object {
  return { allowHalfOpen: true, readable: true, writable: true, ...extra }
}

function owning<T>(fd: number, build: () => T): T {
  try {
    return build()
  } catch (error) {
    libc.close(fd)
    throw error
  }
}

/** A name would be looked up in the proxy's own namespace, and leave time for the handle to be used. */
function expectNumericHost(host: string): void {
  if (isIP(host) === 0) throw new KernelError('KERNEL_EINVAL', `expected an IP address, found ${host}`)
}

function tcpHandle(socket: Socket): TcpHandle {
  const handle = findTcpHandle(socket)
  if (handle === undefined)
    throw new KernelError('KERNEL_EBADF', 'expected an open socket, found a closed one')
  return handle
}

function findTcpHandle(socket: Socket): TcpHandle | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (typeof handle !== 'object' || handle === null) return undefined
  // A TLS wrap holds the TCP wrap in _parent.
  const below: unknown = Reflect.get(handle, '_parent')
  return isTcpHandle(below) ? below : isTcpHandle(handle) ? handle : undefined
}

function isTcpHandle(handle: unknown): handle is TcpHandle {
  return (
    typeof handle === 'object' &&
    handle !== null &&
    typeof Reflect.get(handle, 'open') === 'function' &&
    typeof Reflect.get(handle, 'fd') === 'number'
  )
}
