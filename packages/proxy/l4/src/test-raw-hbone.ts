/** HBONE by hand: TLS from Node, every HTTP/2 byte written and read as such. */
import { Buffer } from 'node:buffer'
import { connect } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { allRoots } from '@tulle/identity'
import type { WorkloadCertificate } from '@tulle/tunnel'

/** PRI * HTTP/2.0, an empty SETTINGS. @see RFC 9113 §3.4 */
export const clientHello: string = `${Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n').toString('hex')} 000000 04 00 00000000`

export interface TlsFacts {
  readonly key: string
  readonly cert: string
  readonly ca: string[]
  readonly ALPNProtocols: string[]
}

export function tlsOptions(certificate: WorkloadCertificate): TlsFacts {
  return {
    key: certificate.keyPem,
    cert: certificate.chainPem,
    ca: [...allRoots(certificate.bundle)],
    ALPNProtocols: ['h2'],
  }
}

/** A header field as a literal that leaves HPACK's tables alone. @see RFC 7541 §6.2.2 */
function literal(text: string): Buffer {
  const at = text.indexOf(': ', 1)
  const parts = [text.slice(0, at), text.slice(at + 2)].map((part) => Buffer.from(part))
  return Buffer.concat([Buffer.of(0), ...parts.flatMap((part) => [Buffer.of(part.length), part])])
}

/** One frame in hex: `000003 00 01 00000001 616263`. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): string {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload]).toString('hex')
}

/** HEADERS with these fields (`name: value`); END_HEADERS, and no END_STREAM. */
export function request(stream: number, ...fields: readonly string[]): string {
  return frame(1, 0x4, stream, Buffer.concat(fields.map(literal)))
}

/** A socket read frame by frame. */
export class RawPeer {
  readonly socket: TLSSocket
  #bytes: Buffer = Buffer.alloc(0)
  #ended: boolean = false
  #wake: () => void = () => undefined

  constructor(socket: TLSSocket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes])
      this.#wake()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  static async dial(options: ConnectionOptions & { readonly localAddress?: string }): Promise<RawPeer> {
    const socket = connect({ ...options, checkServerIdentity: () => undefined })
    const peer = new RawPeer(socket)
    await new Promise((resolve, reject) =>
      socket.once('secureConnect', resolve).once('error', reject).once('close', reject),
    )
    return peer
  }

  send(...hex: readonly string[]): void {
    this.socket.write(Buffer.from(hex.join('').replaceAll(' ', ''), 'hex'))
  }

  /** The next bytes, in hex. */
  async take(count: number): Promise<string> {
    while (this.#bytes.length < count && !this.#ended) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    const taken = this.#bytes.subarray(0, count).toString('hex')
    this.#bytes = this.#bytes.subarray(count)
    return taken
  }

  /** The next frame: `type flags stream payload` in hex; '' at the end. */
  async frame(): Promise<string> {
    const head = Buffer.from(await this.take(9), 'hex')
    if (head.length < 9) return ''
    const payload = await this.take(head.readUIntBE(0, 3))
    return `${head.toString('hex', 3, 4)} ${head.toString('hex', 4, 5)} ${head.toString('hex', 5, 9)} ${payload}`
  }

  /** The next frame of a stream, but for WINDOW_UPDATE. */
  async frameOf(stream: number): Promise<string> {
    const id = stream.toString(16).padStart(8, '0')
    for (;;) {
      const found = await this.frame()
      if (found === '' || (found.slice(6, 14) === id && !found.startsWith('08'))) return found
    }
  }
}
