/** Cases 14 to 18 on real sockets: a verified peer that floods is sent away, and others of the same server notice nothing. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { must } from '@tulle/core'
import type { Http2Stream, StreamHandler } from '@tulle/http2'
import type { InboundTunnel } from './inbound-tunnel.ts'
import { testCertificate, testId, testRoot } from './test-certificates.ts'
import { startClient, startServer } from './test-pair.ts'
import { clientContextOptions } from './tls-settings.ts'

const root = testRoot()
const trusts = { 'cluster.local': [root] }
const books = testId('books')
const own = testCertificate({ root, identity: books, trusts })
const peer = testCertificate({ root, identity: testId('shopper'), trusts })

const enhanceYourCalm = 11
const compressionError = 9

function frame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, body])
}

const greeting = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)])
/** `:method: CONNECT`, `:authority: 127.0.0.1:80`. */
const connectBlock = Buffer.concat([
  Buffer.from('0207', 'hex'),
  Buffer.from('CONNECT'),
  Buffer.from('010c', 'hex'),
  Buffer.from('127.0.0.1:80'),
])
const request = (id: number): Buffer => frame(1, 4, id, connectBlock)

/** A table entry of 4000 octets, then ten thousand references to it. */
const bomb = Buffer.concat([
  Buffer.from('400161', 'hex'),
  Buffer.from([0x7f, 0x80 | ((4000 - 127) & 0x7f), (4000 - 127) >> 7]),
  Buffer.alloc(4000, 0x61),
  Buffer.alloc(10_000, 0xbe),
])

/** Each is what the `round`-th of ten thousand writes says. */
const floods: readonly (readonly [name: string, code: number, make: (round: number) => Buffer])[] = [
  [
    'case 14: a flood of HEADERS and RST_STREAM',
    enhanceYourCalm,
    (round) => Buffer.concat([request(2 * round + 1), frame(3, 0, 2 * round + 1, '00000008')]),
  ],
  [
    'case 15: a flood of streams that have to be reset',
    enhanceYourCalm,
    (round) => Buffer.concat([request(2 * round + 1), frame(8, 0, 2 * round + 1, '00000000')]),
  ],
  [
    'case 16: a flood of CONTINUATION that never ends',
    enhanceYourCalm,
    (round) => (round === 0 ? frame(1, 0, 1, connectBlock) : frame(9, 0, 1, '00')),
  ],
  ['case 17: a flood of HPACK bombs', compressionError, (round) => frame(1, 4, 2 * round + 1, bomb)],
  ['case 18: a flood of SETTINGS', enhanceYourCalm, () => frame(4, 0, 0)],
  ['case 18: a flood of PING', enhanceYourCalm, () => frame(6, 0, 0, '0102030405060708')],
  ['case 18: a flood of PRIORITY', enhanceYourCalm, () => frame(2, 0, 1, '0000000300')],
  [
    'case 18: a flood of DATA without any',
    enhanceYourCalm,
    (round) => (round === 0 ? request(1) : frame(0, 0, 1)),
  ],
]

/** Sends back what comes. */
function echo(tunnel: InboundTunnel): StreamHandler {
  return {
    onHeaders: () => undefined,
    onData(bytes, start, end) {
      tunnel.stream.sendCopy(bytes, start, end)
      tunnel.stream.consumed(end - start)
      return false
    },
    onEnd: () => tunnel.stream.end(),
    onReset: () => undefined,
    onWritable: () => undefined,
  }
}

/** A tunnel through which single words go and come back. */
class Bystander implements StreamHandler {
  readonly events: string[] = []
  #wake: () => void = () => undefined

  async round(stream: Http2Stream, word: string): Promise<void> {
    const before = this.events.length
    stream.sendCopy(Buffer.from(word), 0, word.length)
    while (this.events.length === before) await new Promise<void>((resolve) => (this.#wake = resolve))
    assert.equal(this.events.at(-1), word)
  }

  async answered(): Promise<void> {
    while (this.events.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    assert.deepEqual(this.events, ['200'])
  }

  onHeaders(headers: readonly string[]): void {
    this.#add(headers[1] ?? '')
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    this.#add(bytes.toString('latin1', start, end))
    return false
  }

  onEnd(): void {
    this.#add('end')
  }

  onReset(code: number): void {
    this.#add(`reset ${code}`)
  }

  onWritable(): void {
    this.#add('writable')
  }

  #add(event: string): void {
    this.events.push(event)
    this.#wake()
  }
}

async function attack(port: number): Promise<TLSSocket> {
  const socket = connect({
    ...clientContextOptions(peer),
    host: '127.0.0.1',
    port,
    ALPNProtocols: ['h2'],
    checkServerIdentity: () => undefined,
  })
  await once(socket, 'secureConnect')
  socket.on('error', () => undefined)
  return socket
}

/** The last GOAWAY's code among these frames; undefined where there is none. */
function goawayCode(bytes: Buffer): number | undefined {
  let code: number | undefined
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] === 7) code = bytes.readUInt32BE(at + 13)
  }
  return code
}

for (const [name, code, make] of floods) {
  test(`${name} ends its own connection with GOAWAY ${code}, and no other`, async () => {
    // As in life: nobody answers before a connection to the application is there.
    const onTunnel = (tunnel: InboundTunnel): void => void setImmediate(() => tunnel.accept(echo(tunnel)))
    await using server = await startServer(own, { onTunnel })
    using client = startClient(peer)
    const session = must(await client.acquire(server.port, [books]))
    const bystander = new Bystander()
    const stream = session.open([':method', 'CONNECT', ':authority', '127.0.0.1:80'], bystander)
    assert.ok(stream)
    await bystander.answered()
    await bystander.round(stream, 'before')

    const attacker = await attack(server.port)
    const heard: Buffer[] = []
    attacker.on('data', (bytes: Buffer) => heard.push(bytes))
    const over = new Promise((resolve) => attacker.once('close', resolve))
    attacker.write(greeting)
    for (let round = 0; round < 10_000 && !attacker.closed; round++) {
      if (!attacker.write(make(round)))
        await Promise.race([once(attacker, 'drain').catch(() => undefined), over])
      if (round % 1000 === 999) await bystander.round(stream, `round ${round}`)
    }
    await over
    assert.equal(goawayCode(Buffer.concat(heard)), code)
    await bystander.round(stream, 'after')
    assert.equal(session.http.usable, true)
    assert.equal(server.hbone.sessions, 1)
  })
}
