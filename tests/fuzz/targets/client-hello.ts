/** The first look at a connection before TLS: the same answer however the bytes were cut. */
import { clientHelloState } from '../../../packages/proxy/tunnel/src/client-hello.ts'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'

const hello = Buffer.from(`01000026${'03'.repeat(38)}`, 'hex')

function records(pieceBytes: number): Uint8Array {
  const pieces: Buffer[] = []
  for (let at = 0; at < hello.length; at += pieceBytes) {
    const piece = hello.subarray(at, at + pieceBytes)
    pieces.push(Buffer.from([22, 3, 1, 0, piece.length]), piece)
  }
  return Buffer.concat(pieces)
}

export const clientHellos: FuzzTarget = {
  name: 'client-hello',
  about:
    'bytes before TLS are more, complete or bad; once it is one of the last two, more bytes change nothing',
  seeds: [
    records(1000),
    records(1),
    records(7),
    Buffer.from('GET / HTTP/1.1\r\n'),
    Buffer.from('1503010002', 'hex'),
  ],
  words: [Buffer.from('1603010001', 'hex'), Buffer.from('160301ffff', 'hex'), Buffer.from('01000000', 'hex')],
  maxBytes: 400,
  run(input) {
    let decided: { readonly state: string; readonly at: number } | undefined
    for (let length = 0; length <= input.length; length++) {
      const state = clientHelloState(input.subarray(0, length))
      if (decided === undefined && state !== 'more') decided = { state, at: length }
      ensure(decided === undefined || decided.state === state, () => `${decided?.state} became ${state}`)
    }
    return `${decided?.state ?? 'more'} ${Math.min(decided?.at ?? input.length, 60)}`
  },
}
