import type { EventEmitter } from 'node:events'
import { Agent, request as http1Request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { connect as http2Connect } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock } from '@tulle/core'
import { grouped, pairsOf } from './backend.ts'
import { decodeMessage, encodeMessage } from './grpc-message.ts'
import type { Answer, Call, Pairs, Received, Replies, Requests } from './protocol.ts'

/** Speaks HTTP to others as it is told to, and says all that came back. It follows no redirect and repeats nothing. */
export class Caller {
  readonly #clock: Clock
  readonly #agents: Map<string, Agent> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async call(call: Call): Promise<Answer> {
    if (call.protocol === 'http1') return this.#http1(call, this.#agentOf(call.connection))
    const session = openSession(call)
    try {
      return await this.#http2(call, session)
    } finally {
      session.destroy()
    }
  }

  async calls({ count, connections, ...call }: Requests['calls']): Promise<Replies['calls']> {
    const tally: Record<string, number> = {}
    let left = count
    const work = async (): Promise<void> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const session = call.protocol === 'http1' ? undefined : openSession(call)
      while (left-- > 0) {
        const answer = await (session === undefined ? this.#http1(call, agent) : this.#http2(call, session))
        const key = answer.status === 0 ? 'no answer' : `${answer.status} ${answer.received?.by ?? 'mesh'}`
        tally[key] = (tally[key] ?? 0) + 1
      }
      agent.destroy()
      session?.destroy()
    }
    await Promise.all(Array.from({ length: connections }, work))
    return { tally }
  }

  #agentOf(name: string | undefined): Agent {
    if (name === undefined) return new Agent({ keepAlive: false })
    let agent = this.#agents.get(name)
    if (agent === undefined) this.#agents.set(name, (agent = new Agent({ keepAlive: true, maxSockets: 1 })))
    return agent
  }

  #http1(call: Call, agent: Agent): Promise<Answer> {
    const { host, port, method, path, headers, body, withinMs } = call
    const said = [['host', authorityOf(call)] as const, ...headers]
    if (body !== '') said.push(['content-length', String(Buffer.byteLength(body))])
    const outgoing = http1Request({ host, port, method, path, agent, headers: said.flat(), setHost: false })
    outgoing.end(body)
    return this.#answer(withinMs, outgoing, (done) => {
      const localPort = (): number => outgoing.socket?.localPort ?? 0
      outgoing.on('upgrade', (incoming, socket: Socket) => onUpgrade({ incoming, socket, done, outgoing }))
      outgoing.on('response', (incoming) => {
        collect(incoming, (bytes) =>
          done({
            status: incoming.statusCode ?? 0,
            headers: pairsOf(incoming.rawHeaders),
            trailers: pairsOf(incoming.rawTrailers),
            localPort: localPort(),
            ...readBody(bytes),
          }),
        )
      })
    })
  }

  #http2(call: Call, session: ClientHttp2Session): Promise<Answer> {
    const { method, path, headers, body, withinMs } = call
    const isGrpc = call.protocol === 'grpc'
    const bytes = isGrpc ? encodeMessage(body) : Buffer.from(body)
    const own: Pairs = isGrpc
      ? [
          ['content-type', 'application/grpc'],
          ['te', 'trailers'],
        ]
      : []
    const stream = session.request(
      {
        ':method': method,
        ':path': path,
        ':authority': authorityOf(call),
        ...grouped([...own, ...headers]),
      },
      { endStream: bytes.length === 0 },
    )
    if (bytes.length > 0) stream.end(bytes)
    return this.#answer(withinMs, stream, (done) => {
      let status = 0
      let head: Pairs = []
      let trailers: Pairs = []
      // The lists of names and values are the last argument of both events, which their types leave out.
      stream.on('response', (first, _flags, ...rest: unknown[]) => {
        status = first[':status'] ?? 0
        head = pairsOf((rest[0] ?? []) as readonly string[]).filter(([name]) => !name.startsWith(':'))
      })
      stream.on('trailers', (_first, _flags, ...rest: unknown[]) => {
        trailers = pairsOf((rest[0] ?? []) as readonly string[])
      })
      collect(stream, (all) => {
        // Of a connection that was closed there is nothing to say, and no socket left.
        if (status === 0) return
        const said = readBody(isGrpc ? decodeMessage(all) : all)
        const { localPort = 0 } = session.socket
        done({ status, headers: head, trailers, localPort, ...said })
      })
      session.on('error', (error) => stream.destroy(error))
    })
  }

  /** What `begin` finds, or why there is nothing: an error, or no answer in time. */
  #answer(
    withinMs: number,
    outgoing: Pick<EventEmitter, 'on'> & { destroy(): unknown },
    begin: (done: (answer: Omit<Answer, 'error'>) => void) => void,
  ): Promise<Answer> {
    return new Promise((resolve) => {
      const finish = (answer: Answer): void => {
        timer[Symbol.dispose]()
        resolve(answer)
      }
      const failed = (error: string): Answer => ({
        status: 0,
        headers: [],
        trailers: [],
        body: '',
        localPort: 0,
        error,
      })
      const timer = this.#clock.after(withinMs, () => {
        outgoing.destroy()
        finish(failed('no answer'))
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => finish(failed(error.code ?? error.message)))
      outgoing.on('close', () => finish(failed('closed')))
      begin((answer) => finish({ ...answer, error: '' }))
    })
  }
}

function openSession({ host, port }: Call): ClientHttp2Session {
  const session = http2Connect(`http://${host}:${port}`)
  session.on('error', () => undefined)
  return session
}

function authorityOf({ authority, host, port }: Call): string {
  return authority ?? (port === 80 ? host : `${host}:${port}`)
}

/** A backend of ours answers with what it received. */
function readBody(bytes: Buffer): { readonly body: string; readonly received?: Received } {
  const body = bytes.toString()
  if (!body.startsWith('{"by":')) return { body }
  return { body: '', received: JSON.parse(body) as Received }
}

function collect(stream: NodeJS.ReadableStream, done: (bytes: Buffer) => void): void {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => done(Buffer.concat(chunks)))
}

interface Upgrade {
  readonly incoming: IncomingMessage
  readonly socket: Socket
  readonly outgoing: ClientRequest
  readonly done: (answer: Omit<Answer, 'error'>) => void
}

/** After the switch, bytes have to come and go: the body is what came back of what was sent. */
function onUpgrade({ incoming, socket, outgoing, done }: Upgrade): void {
  // Node ends the request here, and the connection goes on.
  outgoing.removeAllListeners('close')
  socket.on('error', () => socket.destroy())
  socket.once('data', (bytes: Buffer) => {
    done({
      status: incoming.statusCode ?? 0,
      headers: pairsOf(incoming.rawHeaders),
      trailers: [],
      body: bytes.toString(),
      localPort: socket.localPort ?? 0,
    })
    socket.destroy()
  })
  socket.write('after the switch')
}
