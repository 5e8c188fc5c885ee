import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientHelloState } from './client-hello.ts'

/** A ClientHello with a body of `bodyBytes`, cut into records of at most `recordBytes`. */
function hello(bodyBytes: number, recordBytes: number): Buffer {
  const message = Buffer.alloc(4 + bodyBytes, 7)
  message.writeUInt8(1, 0)
  message.writeUIntBE(bodyBytes, 1, 3)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += recordBytes) {
    const piece = message.subarray(at, at + recordBytes)
    const head = Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 0xff])
    records.push(head, piece)
  }
  return Buffer.concat(records)
}

for (const recordBytes of [1, 3, 5, 100, 16_384]) {
  test(`clientHelloState knows the last byte of a hello in records of ${recordBytes}`, () => {
    const bytes = hello(300, recordBytes)
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(clientHelloState(bytes.subarray(0, length)), 'more', `${length} bytes`)
    }
    assert.equal(clientHelloState(bytes), 'complete')
    assert.equal(clientHelloState(Buffer.concat([bytes, Buffer.from('more')])), 'complete')
  })
}

const noHellos: Readonly<Record<string, string>> = {
  'plain HTTP': Buffer.from('GET / HTTP/1.1').toString('hex'),
  'an SSL 2 hello': '802e0100020015',
  'an alert': '15030100020228',
  'a record without payload': '1603010000',
  'a record beyond its limit': '1603014001',
  'another handshake message': '160301000402000000',
}

for (const [what, hex] of Object.entries(noHellos)) {
  test(`clientHelloState tells ${what} from a hello`, () => {
    assert.equal(clientHelloState(Buffer.from(hex, 'hex')), 'bad')
  })
}
