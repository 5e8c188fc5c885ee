import { connect } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { errorText } from '@tulle/core'
import type { Http1Transport } from '@tulle/http1'
import { useOnread } from '@tulle/kernel'
import type { TlsTerms } from '@tulle/traffic'
import type { L7Environment } from '../environment.ts'
import type { ReadBuffer } from '../net/read-buffer.ts'
import type { LinkUser } from '../net/link-user.ts'
import { TlsLink } from '../net/tls-link.ts'
import type { UpstreamSpec } from './cluster.ts'
import type { Carried, Dial, Dialled } from './dial.ts'
import { identityFault, secureContextOf } from './tls-terms.ts'
import { TransportStream } from './transport-stream.ts'

export interface TlsDialDeps {
  readonly environment: Pick<L7Environment, 'timeouts' | 'limits'>
  readonly buffer: ReadBuffer
  /** Told why TLS with an endpoint came to nothing. */
  onTlsFailure(spec: UpstreamSpec, why: string): void
}

/** A way to endpoints that begins TLS where their terms ask for it, end to end inside whatever leads there. */
export function withTls(dial: Dial, deps: TlsDialDeps): Dial {
  return (spec, carried = 'requests') => {
    const inner = dial(spec, carried)
    return spec.tls === undefined ? inner : dialTls(inner, { spec, terms: spec.tls, carried }, deps)
  }
}

interface TlsCall {
  readonly spec: UpstreamSpec
  readonly terms: TlsTerms
  readonly carried: Carried
}

function dialTls(inner: Dialled, call: TlsCall, deps: TlsDialDeps): Dialled {
  const link = new ProvenLink(deps.buffer)
  return { link, attach: (user, onConnected) => begin({ inner, link, call, deps }, user, onConnected) }
}

function begin(
  {
    inner,
    link,
    call,
    deps,
  }: {
    readonly inner: Dialled
    readonly link: ProvenLink
    readonly call: TlsCall
    readonly deps: TlsDialDeps
  },
  user: LinkUser,
  onConnected: () => void,
): void {
  const stream = new TransportStream(inner.link)
  inner.attach(stream, () => undefined)
  const options = optionsOf(call)
  if (typeof options === 'string') {
    deps.onTlsFailure(call.spec, options)
    stream.destroy()
    queueMicrotask(() => user.onTransportClose())
    return
  }
  const socket = connect({ ...options, socket: stream })
  const { timeouts, limits } = deps.environment
  let why = 'the endpoint broke off its handshake'
  const late = timeouts.begin(limits.connectTimeoutMs, () => {
    why = 'no end of the handshake in time'
    socket.destroy()
  })
  socket.on('error', (error) => (why = errorText(error)))
  socket.once('close', () => {
    timeouts.end(late)
    if (!link.isSecure && !link.wasDestroyed) deps.onTlsFailure(call.spec, why)
    link.onClosed()
    if (!link.isSecure) user.onTransportClose()
  })
  link.await(socket)
  socket.once('secureConnect', () => {
    timeouts.end(late)
    const fault = protocolFault(socket, call)
    if (fault !== undefined) {
      why = fault
      socket.destroy()
      return
    }
    onConnected()
    link.attach(socket, user)
  })
}

/** A text: it can't be, and why. */
function optionsOf({ spec, terms, carried }: TlsCall): ConnectionOptions | string {
  try {
    return {
      secureContext: secureContextOf(terms),
      servername: terms.serverName,
      // Not left to the environment, which can turn it off.
      rejectUnauthorized: true,
      checkServerIdentity: (_host, { raw }) => {
        const fault = identityFault(terms, raw)
        return fault === undefined ? undefined : new Error(fault)
      },
      ...(carried === 'requests' ? { ALPNProtocols: [alpnOf(spec)] } : {}),
    }
  } catch (error) {
    return `the roots cannot be used: ${errorText(error)}`
  }
}

function alpnOf({ protocol }: UpstreamSpec): 'h2' | 'http/1.1' {
  return protocol === 'http2' ? 'h2' : 'http/1.1'
}

/** RFC 9113 §3.2: HTTP/2 over TLS is agreed on by ALPN, and not otherwise. */
function protocolFault({ alpnProtocol }: TLSSocket, { spec, carried }: TlsCall): string | undefined {
  if (carried === 'bytes' || alpnProtocol === alpnOf(spec)) return undefined
  if (alpnProtocol === false && spec.protocol === 'http1') return undefined
  return `expected the endpoint to agree on ${alpnOf(spec)}, found ${String(alpnProtocol)}`
}

interface Waiting {
  readonly bytes: Uint8Array
  readonly done: (() => void) | undefined
}

/** What is written waits until the endpoint has proven who it is: not a byte is encrypted for anybody else. */
class ProvenLink implements Http1Transport {
  isSecure: boolean = false
  wasDestroyed: boolean = false
  readonly #link: TlsLink
  #socket: TLSSocket | undefined
  #waiting: Waiting[] = []
  #isEnding: boolean = false
  #isPaused: boolean = false
  #isClosed: boolean = false

  constructor(buffer: ReadBuffer) {
    this.#link = new TlsLink(buffer)
  }

  /** Of the handshake that is under way. */
  await(socket: TLSSocket): void {
    this.#socket = socket
    if (this.wasDestroyed) socket.destroy()
  }

  attach(socket: TLSSocket, user: LinkUser): void {
    this.isSecure = true
    const link = this.#link
    link.attach(socket, user)
    if (socket.readableLength > 0 || !useOnread(socket, link.onread))
      socket.on('data', (bytes: Buffer) => link.onBytes(bytes))
    if (this.#isPaused) link.pauseReading()
    const waiting = this.#waiting.splice(0)
    let hasRoom = true
    for (const { bytes, done } of waiting) hasRoom = link.write(bytes, done)
    if (this.#isEnding) link.end()
    else if (hasRoom && waiting.length > 0) user.onTransportDrain()
  }

  /** What waited will not leave any more. */
  onClosed(): void {
    this.#isClosed = true
    for (const { done } of this.#waiting.splice(0)) done?.()
  }

  write(bytes: Uint8Array, done: (() => void) | undefined): boolean {
    if (this.isSecure) return this.#link.write(bytes, done)
    if (this.#isClosed || this.#isEnding || this.wasDestroyed) {
      done?.()
      return true
    }
    this.#waiting.push({ bytes, done })
    return false
  }

  end(): void {
    if (this.isSecure) this.#link.end()
    this.#isEnding = true
  }

  destroy(): void {
    this.wasDestroyed = true
    this.#socket?.destroy()
  }

  pauseReading(): void {
    this.#isPaused = true
    if (this.isSecure) this.#link.pauseReading()
  }

  resumeReading(): void {
    this.#isPaused = false
    if (this.isSecure) this.#link.resumeReading()
  }
}
