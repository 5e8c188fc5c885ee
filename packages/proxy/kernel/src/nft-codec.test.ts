import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeMessages, encodeRequest } from './netlink-codec.ts'
import { captureRules, strictRules } from './nftables.ts'
import * as nft from './nft-codec.ts'

// What the nft tool sends for the same words, taken apart: length, type, value of each attribute.

test('redirectTo loads the port and redirects to it', () => {
  const [load, redirect] = nft.redirectTo(15_001)
  assert.equal(
    load?.toString('hex'),
    '2c000180' + // list element
      '0e000100' +
      Buffer.from('immediate\0').toString('hex') +
      '0000' + // name
      '18000280' + // data
      '08000100' +
      '00000001' + // destination register
      '0c000280' +
      '06000100' +
      '3a990000', // value
  )
  assert.equal(
    redirect?.toString('hex'),
    '1c000180' +
      '0a000100' +
      Buffer.from('redir\0').toString('hex') +
      '0000' +
      '0c000280' +
      '08000100' +
      '00000001',
  )
})

test('packetMark masks in host byte order before it compares', () => {
  const [, mask, compare] = nft.packetMark('neq', 0x539, 0xfff)
  assert.ok(mask?.includes(Buffer.from('ff0f0000', 'hex')))
  assert.ok(compare?.includes(Buffer.from('39050000', 'hex')))
})

test('setConnectionMark clears what the mask covers and keeps the rest', () => {
  const [, change] = nft.setConnectionMark(0x111, 0xfff)
  assert.ok(change?.includes(Buffer.from('00f0ffff', 'hex')))
  assert.ok(change?.includes(Buffer.from('11010000', 'hex')))
})

test('addressIn compares what the prefix covers, at the right offset of each family', () => {
  const [load, mask, compare] = nft.addressIn('destination', Uint8Array.from([10, 77, 1, 2]), 16)
  assert.ok(load?.includes(Buffer.from('0800030000000010', 'hex')))
  assert.ok(mask?.includes(Buffer.from('ffff0000', 'hex')))
  assert.ok(compare?.includes(Buffer.from('0a4d0000', 'hex')))
  const [load6] = nft.addressIn('source', new Uint8Array(16), 64)
  assert.ok(load6?.includes(Buffer.from('0800030000000008', 'hex')))
})

test('replaceTable is one batch: begin, make sure, delete, make again, chains and rules, end', () => {
  const requests = nft.replaceTable(captureRules())
  const types = requests.map(({ type }) => type.toString(16))
  assert.deepEqual(types.slice(0, 4), ['10', 'a00', 'a02', 'a00'])
  assert.equal(types.at(-1), '11')
  assert.equal(types.filter((type) => type === 'a03').length, 4)
  assert.equal(types.filter((type) => type === 'a06').length, 7)
  const bytes = Buffer.concat(requests.map(encodeRequest))
  assert.equal(decodeMessages(bytes).length, requests.length)
  // The batch names the subsystem in network order.
  assert.equal(Buffer.from(requests[0]?.header ?? []).toString('hex'), '0000000a')
})

test('strictRules ends in a drop of everything, or one for each prefix', () => {
  const last = (between?: readonly string[]): readonly string[] =>
    strictRules(between).chains.map(({ rules }) => rules.at(-1)?.comment ?? '')
  assert.deepEqual(last(), ['nothing else', 'nothing else'])
  assert.deepEqual(last(['10.0.0.0/8']), ['nothing else with 10.0.0.0/8', 'nothing else with 10.0.0.0/8'])
  for (const prefix of ['10.0.0.0', '10.0.0.0/33', 'books/8']) assert.throws(() => strictRules([prefix]))
})
