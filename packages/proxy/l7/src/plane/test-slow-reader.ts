import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createHttp2Session } from '@tulle/http2'
import type { Http2Session, Http2Stream, StreamHandler } from '@tulle/http2'
import type { UpstreamSpec } from '../upstream/cluster.ts'
import { proxyIp } from './test-proxy.ts'

type Protocol = UpstreamSpec['protocol']

const chunk = Buffer.alloc(64 * 1024, 'x')
const wideWindowBytes = 16 * 1024 * 1024

/** A session of ours over a socket, so that the socket counts its bytes. */
function sessionOver(
  socket: Socket,
  role: 'client' | 'server',
  onStream?: (stream: Http2Stream) => StreamHandler,
): Http2Session {
  const session = createHttp2Session({
    role,
    transport: {
      write: (bytes, done) => socket.write(Buffer.from(bytes), () => done?.()),
      end: () => void socket.end(),
      destroy: () => void socket.destroy(),
    },
    keepalive: false,
    settings: { initialStreamWindowBytes: wideWindowBytes, initialSessionWindowBytes: wideWindowBytes },
    onClose: () => undefined,
    ...(onStream === undefined ? {} : { onStream }),
  })
  socket.on('data', (bytes: Buffer) => session.receive(bytes, 0, bytes.length))
  socket.on('drain', () => session.onTransportDrain())
  socket.on('close', () => session.onTransportClose())
  return session
}

const quiet: StreamHandler = {
  onHeaders: () => undefined,
  onData: () => false,
  onEnd: () => undefined,
  onReset: () => undefined,
  onWritable: () => undefined,
}

/** Answers each request with a body that has no end, as fast as it is taken. */
export class EndlessBackend implements AsyncDisposable {
  #socket: Socket | undefined
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async listen(protocol: Protocol): Promise<EndlessBackend> {
    const server = createServer((socket) => {
      backend.#socket = socket
      socket.on('error', () => undefined)
      if (protocol === 'http2') answerByHttp2(socket)
      else answerByHttp1(socket)
    })
    const backend = new EndlessBackend(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return backend
  }

  get port(): number {
    // Listening on TCP.
    return (this.#server.address() as AddressInfo).port
  }

  /** What the kernel has taken. */
  get sentBytes(): number {
    return (this.#socket?.bytesWritten ?? 0) - (this.#socket?.writableLength ?? 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#socket?.destroy()
  }
}

function answerByHttp1(socket: Socket): void {
  const pump = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.once('data', () => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${1024 ** 3}\r\n\r\n`)
    socket.on('drain', pump)
    pump()
  })
}

function answerByHttp2(socket: Socket): void {
  sessionOver(socket, 'server', (stream) => {
    const pump = (): void => {
      for (let room = stream.sendable; room > 0; room = stream.sendable)
        stream.sendCopy(chunk, 0, Math.min(room, chunk.length))
    }
    return {
      ...quiet,
      onEnd: () => {
        stream.sendHeaders([':status', '200'], false)
        pump()
      },
      onWritable: pump,
    }
  })
}

/** Takes so many bytes as fast as they come, and then no more: the socket is not read, or the stream gets no credit. */
export class SlowReader implements Disposable {
  readonly #socket: Socket

  constructor(port: number, protocol: Protocol, fastBytes: number) {
    this.#socket = connect({ host: proxyIp, port })
    this.#socket.on('error', () => undefined)
    if (protocol === 'http2') this.#readByHttp2(fastBytes)
    else this.#readByHttp1(fastBytes)
  }

  get readBytes(): number {
    return this.#socket.bytesRead
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #readByHttp1(fastBytes: number): void {
    const socket = this.#socket
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    socket.on('data', () => {
      if (socket.bytesRead >= fastBytes) socket.pause()
    })
  }

  #readByHttp2(fastBytes: number): void {
    const session = sessionOver(this.#socket, 'client')
    let received = 0
    const stream = session.open(
      [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/'],
      {
        ...quiet,
        onData: (_bytes, start, end) => {
          received += end - start
          if (received < fastBytes) stream?.consumed(end - start)
          return false
        },
      },
      true,
    )
  }
}

/** What lies in the kernel, of connections from or to any of these ports: sent and not read yet. @see proc_net_tcp(5) */
export function kernelBytes(ports: readonly number[]): number {
  const portOf = (address = ''): number => Number.parseInt(address.split(':')[1] ?? '', 16)
  const lines = readFileSync('/proc/net/tcp', 'latin1').trim().split('\n').slice(1)
  return lines.reduce((sum, line) => {
    const [, local, remote, state, queues = ''] = line.trim().split(/\s+/u)
    // In state LISTEN the numbers are connections.
    if (state === '0A' || !(ports.includes(portOf(local)) || ports.includes(portOf(remote)))) return sum
    const [sent = '', received = ''] = queues.split(':')
    return sum + Number.parseInt(sent, 16) + Number.parseInt(received, 16)
  }, 0)
}
