/** HPACK: any block decodes to something or nothing within bounds; what our encoder writes is read as it was meant. */
import { HpackDecoder } from '../../../packages/proxy/http2/src/hpack-decoder.ts'
import { HpackEncoder } from '../../../packages/proxy/http2/src/hpack-encoder.ts'
import { below } from '../mutate.ts'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex')
const maxTableBytes = 512
const maxListBytes = 2048

function listBytes(list: readonly string[]): number {
  let bytes = 0
  for (let i = 0; i < list.length; i += 2) bytes += (list[i]?.length ?? 0) + (list[i + 1]?.length ?? 0) + 32
  return bytes
}

/** Each input is several blocks of one connection: a byte of length, then the block. */
function* blocksOf(input: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < input.length;) {
    const end = at + 1 + (input[at] ?? 0)
    yield input.subarray(at + 1, end)
    at = end
  }
}

function framed(...blocks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(blocks.flatMap((block) => [Uint8Array.of(block.length), block]))
}

/** RFC 7541 Appendix C.4 and C.5, and the blocks of a tunnel. */
const samples = [
  framed(
    hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'),
    hex('8286 84be 5886 a8eb 1064 9cbf'),
    hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf'),
  ),
  framed(hex('0207434f4e4e454354 010c3132372e302e302e313a3830'), hex('203fe103 88'), hex('20 3f81 7d')),
  framed(hex('4001610162 be'), hex('1001610162'), hex('be 7f80')),
]

export const hpack: FuzzTarget = {
  name: 'hpack',
  about: 'a header block decodes within its bounds, and what it decodes to can be said again',
  seeds: samples,
  words: [
    hex('20'),
    hex('3fe103'),
    hex('be'),
    hex('ff'),
    hex('ffffffff0f'),
    hex('7f8001'),
    hex('400161'),
    hex('82'),
  ],
  maxBytes: 600,
  run(input) {
    const decoder = new HpackDecoder(maxTableBytes, maxListBytes)
    const encoder = new HpackEncoder({ huffman: true })
    const again = new HpackDecoder(4096, 4 * maxListBytes)
    const outcomes: number[] = []
    for (const block of blocksOf(input)) {
      const list: string[] = []
      const bytes = Buffer.from(block)
      const outcome = decoder.decode(bytes, 0, bytes.length, list)
      outcomes.push(outcome * 64 + Math.min(63, list.length))
      ensure(decoder.tableBytes <= maxTableBytes, () => `the table holds ${decoder.tableBytes} bytes`)
      ensure(list.length % 2 === 0, () => 'a name without a value')
      ensure(listBytes(list) <= maxListBytes, () => `a list of ${listBytes(list)} bytes was kept`)
      if (outcome === 2) break
      const said = encoder.encode(list)
      const heard: string[] = []
      const copy = Buffer.from(encoder.bytes.subarray(0, said))
      ensure(again.decode(copy, 0, said, heard) === 0, () => 'our own block does not decode')
      ensure(heard.join('\0') === list.join('\0'), () => `${heard.join('|')} instead of ${list.join('|')}`)
    }
    return `${outcomes.join()} ${decoder.tableBytes >> 5}`
  },
}

const names = [':path', ':status', 'baggage', 'x', 'set-cookie', 'traceparent', 'forwarded', 'content-length']

export const hpackPair: FuzzTarget = {
  name: 'hpack-pair',
  about: 'a decoder follows our encoder through any fields and table sizes',
  seeds: [Uint8Array.of(1, 2, 3), Uint8Array.from({ length: 200 }, (_, i) => i * 7)],
  maxBytes: 400,
  make: (rng) => Uint8Array.from({ length: below(rng, 400) }, () => below(rng, 256)),
  run(input) {
    const encoder = new HpackEncoder({
      huffman: (input[0] ?? 0) % 2 === 0,
      maxTableBytes: 64 * ((input[1] ?? 0) % 65),
    })
    const decoder = new HpackDecoder(4096, 65_536)
    let at = 2
    const take = (): number => input[at++] ?? 0
    let blocks = 0
    while (at < input.length) {
      if (take() % 8 === 0) {
        // The peer's SETTINGS; its decoder follows when the acknowledgement is there, which is at once here.
        const bytes = 16 * take()
        encoder.setPeerMaxBytes(bytes)
        decoder.setMaxTableBytes(Math.min(4096, bytes))
      }
      const list: string[] = []
      for (let fields = take() % 6; fields > 0; fields--) {
        const name = names[take() % (2 * names.length)] ?? `n${take() % 30}`
        list.push(name, String.fromCharCode(...Array.from({ length: take() % 40 }, () => take())))
      }
      const length = encoder.encode(list)
      const bytes = Buffer.from(encoder.bytes.subarray(0, length))
      const heard: string[] = []
      ensure(decoder.decode(bytes, 0, length, heard) === 0, () => `block ${blocks} does not decode`)
      ensure(heard.join('\0') === list.join('\0'), () => `block ${blocks} is read as something else`)
      blocks++
    }
    return `${blocks} ${decoder.tableBytes >> 6}`
  },
}
