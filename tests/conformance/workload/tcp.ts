import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import type { Clock } from '@tulle/core'
import type { Replies, Requests, TcpOutcome } from './protocol.ts'

/** Connections whose bytes are not HTTP. */
export class TcpCaller {
  readonly #clock: Clock
  readonly #kept: Map<string, Socket> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async tcp({ host, port, serverName, keepAs, withinMs }: Requests['tcp']): Promise<TcpOutcome> {
    const socket = connect({ host, port })
    socket.on('error', () => socket.destroy())
    if (serverName !== undefined) socket.write(await clientHello(serverName))
    const greeting = await this.#line(socket, withinMs)
    if (keepAs !== undefined && greeting !== undefined) this.#kept.set(keepAs, socket)
    else socket.destroy()
    return greeting === undefined ? { by: '', error: 'closed' } : { by: greeting, error: '' }
  }

  async tcpAlive({ id, withinMs }: Requests['tcpAlive']): Promise<Replies['tcpAlive']> {
    const socket = this.#kept.get(id)
    if (socket === undefined) return { alive: false, error: `no connection is kept as ${id}` }
    if (socket.closed) return { alive: false, error: 'closed' }
    socket.write('still here\n')
    const alive = (await this.#line(socket, withinMs)) === 'still here'
    return { alive, error: alive ? '' : 'closed' }
  }

  udp({ host, port, withinMs }: Requests['udp']): Promise<Replies['udp']> {
    return new Promise((resolve) => {
      const socket = createSocket('udp4')
      const finish = (answered: boolean): void => {
        timer[Symbol.dispose]()
        again[Symbol.dispose]()
        socket.close()
        resolve({ answered })
      }
      // Said again and again: a datagram may get lost, and the question is whether any passes.
      const again = this.#clock.every(30, () => socket.send('hello', port, host))
      const timer = this.#clock.after(withinMs, () => finish(false))
      socket.once('message', () => finish(true))
      socket.on('error', () => undefined)
      socket.send('hello', port, host)
    })
  }

  #line(socket: Socket, withinMs: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      let text = ''
      const finish = (line: string | undefined): void => {
        timer[Symbol.dispose]()
        socket.off('data', onData)
        socket.off('close', onClose)
        resolve(line)
      }
      const onClose = (): void => finish(undefined)
      const onData = (chunk: Buffer): void => {
        text += chunk.toString('latin1')
        const end = text.indexOf('\n')
        if (end >= 0) finish(text.slice(0, end))
      }
      const timer = this.#clock.after(withinMs, onClose)
      socket.on('data', onData)
      socket.on('close', onClose)
      if (socket.closed) onClose()
    })
  }
}

/** The first bytes of a TLS client that asks for `serverName`: all that a router by name reads. */
function clientHello(serverName: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, next) => {
        resolve(chunk)
        next()
      },
    })
    tlsConnect({ socket: wire, servername: serverName }).on('error', () => undefined)
  })
}
