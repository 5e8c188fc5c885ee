import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { decodeOutcome, HpackDecoder } from './hpack-decoder.ts'
import { HpackEncoder } from './hpack-encoder.ts'

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
}

function decode(decoder: HpackDecoder, block: Buffer): readonly string[] | number {
  const into: string[] = []
  const outcome = decoder.decode(block, 0, block.length, into)
  return outcome === decodeOutcome.ok ? into : outcome
}

const get = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com']
const getTls = [':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com']
const found = [
  'cache-control',
  'private',
  'date',
  'Mon, 21 Oct 2013 20:13:21 GMT',
  'location',
  'https://www.example.com',
]
const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'
const last = [':status', '200', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:22 GMT']
last.push('location', 'https://www.example.com', 'content-encoding', 'gzip', 'set-cookie', cookie)

/** RFC 7541 Appendix C: blocks of one connection in order, the list each decodes to, and the table's size behind it. */
const appendixC = [
  {
    name: 'C.2.1 literal with indexing',
    tableBytes: 4096,
    blocks: [['400a637573746f6d2d6b65790d637573746f6d2d686561646572', ['custom-key', 'custom-header'], 55]],
  },
  {
    name: 'C.2.2 literal without indexing',
    tableBytes: 4096,
    blocks: [['040c2f73616d706c652f70617468', [':path', '/sample/path'], 0]],
  },
  {
    name: 'C.2.3 literal never indexed',
    tableBytes: 4096,
    blocks: [['100870617373776f726406736563726574', ['password', 'secret'], 0]],
  },
  { name: 'C.2.4 indexed', tableBytes: 4096, blocks: [['82', [':method', 'GET'], 0]] },
  {
    name: 'C.3 requests',
    tableBytes: 4096,
    blocks: [
      ['828684410f7777772e6578616d706c652e636f6d', get, 57],
      ['828684be58086e6f2d6361636865', [...get, 'cache-control', 'no-cache'], 110],
      [
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
        [...getTls, 'custom-key', 'custom-value'],
        164,
      ],
    ],
  },
  {
    name: 'C.4 requests, coded',
    tableBytes: 4096,
    blocks: [
      ['828684418cf1e3c2e5f23a6ba0ab90f4ff', get, 57],
      ['828684be5886a8eb10649cbf', [...get, 'cache-control', 'no-cache'], 110],
      ['828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf', [...getTls, 'custom-key', 'custom-value'], 164],
    ],
  },
  {
    name: 'C.5 responses that evict',
    tableBytes: 256,
    blocks: [
      [
        `4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f
         7777772e6578616d706c652e636f6d`,
        [':status', '302', ...found],
        222,
      ],
      ['4803333037c1c0bf', [':status', '307', ...found], 222],
      [
        `88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a
         584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31`,
        last,
        215,
      ],
    ],
  },
  {
    name: 'C.6 responses that evict, coded',
    tableBytes: 256,
    blocks: [
      [
        '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
        [':status', '302', ...found],
        222,
      ],
      ['4883640effc1c0bf', [':status', '307', ...found], 222],
      [
        `88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f36
         72c1ab270fb5291f9587316065c003ed4ee5b1063d5007`,
        last,
        215,
      ],
    ],
  },
] as const

for (const { name, tableBytes, blocks } of appendixC) {
  test(`HpackDecoder: RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder(tableBytes, 65_536)
    for (const [block, headers, tableSize] of blocks) {
      deepEqual(decode(decoder, hex(block)), headers)
      equal(decoder.tableBytes, tableSize)
    }
  })
}

const broken: readonly (readonly [why: string, block: string])[] = [
  ['index 0', '80'],
  ['an index beyond the table', 'be'],
  ['an integer without end', '7fffffffffffffffffff'],
  ['an integer that is cut off', '7f'],
  ['an integer that is far too large', '7f80808080807f'],
  ['a string longer than the block', '400a6375'],
  ['a name without a value', '400161'],
  ['a literal name by an index beyond the table', '7f0061'],
  ['a size update over the limit', '3fe21f'],
  ['three size updates', '202020'],
  ['a size update behind a field', '8220'],
]

for (const [why, block] of broken) {
  test(`HpackDecoder refuses ${why}`, () => {
    equal(decode(new HpackDecoder(4096, 65_536), hex(block)), decodeOutcome.broken)
  })
}

test('HpackDecoder keeps its table right when a list is too large', () => {
  const decoder = new HpackDecoder(4096, 100)
  equal(
    decode(decoder, hex('400a637573746f6d2d6b65790d637573746f6d2d686561646572bebe')),
    decodeOutcome.tooLarge,
  )
  deepEqual(decode(decoder, hex('be')), ['custom-key', 'custom-header'])
})

test('HpackDecoder wants a smaller table to be announced first (RFC 7541 §4.2)', () => {
  const decoder = new HpackDecoder(4096, 65_536)
  decoder.setMaxTableBytes(100)
  equal(decode(decoder, hex('82')), decodeOutcome.broken)
  const told = new HpackDecoder(4096, 65_536)
  told.setMaxTableBytes(100)
  deepEqual(decode(told, hex('3f4582')), [':method', 'GET'])
})

function encode(encoder: HpackEncoder, headers: readonly string[]): Buffer {
  return Buffer.from(encoder.bytes.subarray(0, encoder.encode(headers)))
}

test('HpackEncoder uses static entries, then its own', () => {
  const encoder = new HpackEncoder()
  equal(encode(encoder, get).toString('hex'), '828684' + '410f7777772e6578616d706c652e636f6d')
  equal(encode(encoder, get).toString('hex'), '828684be')
})

test('HpackEncoder says a repeated field in one byte', () => {
  const encoder = new HpackEncoder()
  const headers = [':method', 'CONNECT', ':authority', '10.0.0.1:80', 'baggage', 'k8s.namespace.name=shop']
  ok(encode(encoder, headers).length > 40)
  equal(encode(encoder, headers).length, 3)
})

test('HpackEncoder keeps secrets out of every table (RFC 7541 §7.1.3)', () => {
  const encoder = new HpackEncoder()
  for (const name of ['authorization', 'cookie', 'set-cookie', 'proxy-authorization']) {
    const block = encode(encoder, [name, 'secret'])
    equal((block[0] ?? 0) & 0xf0, 0x10, name)
  }
  equal(encoder.tableBytes, 0)
})

test('HpackEncoder does not let fleeting values into its table', () => {
  const encoder = new HpackEncoder()
  encode(encoder, ['traceparent', '00-1-2-00', ':path', '/a', 'date', 'today'])
  equal(encoder.tableBytes, 0)
})

test('HpackEncoder announces the smallest and the last table size the peer asked for (RFC 7541 §4.2)', () => {
  const encoder = new HpackEncoder()
  encode(encoder, ['x', 'y'])
  encoder.setPeerMaxBytes(0)
  encoder.setPeerMaxBytes(2048)
  const decoder = new HpackDecoder(4096, 65_536)
  const block = encode(encoder, ['x', 'y'])
  equal(block.toString('hex').startsWith('203fe10f'), true)
  deepEqual(decode(decoder, block), ['x', 'y'])
})

test('HpackEncoder never holds more than the peer allows', () => {
  const encoder = new HpackEncoder()
  encoder.setPeerMaxBytes(200)
  for (let i = 0; i < 50; i++) encode(encoder, [`name-${i}`, 'v'])
  ok(encoder.tableBytes <= 200)
  ok(encoder.tableBytes > 100)
})
