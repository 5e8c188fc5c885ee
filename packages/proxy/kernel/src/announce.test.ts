import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeAnnouncement } from './announce.ts'

test('encodeAnnouncement() asks everybody for the address that it has itself', () => {
  assert.equal(
    encodeAnnouncement('02:00:0a:4d:01:02', '10.77.1.2').toString('hex'),
    // To all, from it, ARP; Ethernet, IPv4, request; it and its address; nobody and its address.
    'ffffffffffff02000a4d01020806' + '0001080006040001' + '02000a4d01020a4d0102' + '0000000000000a4d0102',
  )
})
