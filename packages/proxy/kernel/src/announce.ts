import { isIPv4 } from 'node:net'
import { assert } from '@tulle/core'
import { check, libc } from './libc.ts'
import * as linux from './linux.ts'
import { maybeInNetns } from './netns.ts'
import type { NetnsFd } from './netns.ts'
import { withRtnetlink } from './rtnetlink.ts'

export interface AnnounceAddressOptions {
  readonly netns?: NetnsFd
  readonly link: string
  /** IPv4. */
  readonly address: string
}

const ETH_P_ARP = 0x0806
const frameBytes = 42
const macBytes = 6
const addressBytes = 4

/**
 * Says to everybody on the link who has the address (a gratuitous ARP): neighbours that knew another hardware
 * address for it forget that, and bridges learn where it is now. Without, a workload that came back elsewhere with
 * its old address would be unreachable until caches run out. Needs CAP_NET_RAW. @see RFC 5227 §3
 */
export function announceAddress({ netns, link, address }: AnnounceAddressOptions): void {
  assert(isIPv4(address), 'only an IPv4 address is announced')
  const { index, mac } = withRtnetlink(netns, (route) => route.link(link))
  const type = linux.SOCK_RAW | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC
  const fd = maybeInNetns(netns, () => check('socket(AF_PACKET)', libc.socket(linux.AF_PACKET, type, 0)))
  // struct sockaddr_ll: family, protocol (network order), interface index, …
  const place = Buffer.alloc(20)
  place.writeUInt16LE(linux.AF_PACKET, 0)
  place.writeUInt16BE(ETH_P_ARP, 2)
  place.writeInt32LE(index, 4)
  const frame = encodeAnnouncement(mac, address)
  try {
    check('bind(AF_PACKET)', libc.bind(fd, place, place.length), link)
    check('send(AF_PACKET)', Number(libc.send(fd, frame, frame.length, 0)), link)
  } finally {
    libc.close(fd)
  }
}

/** An Ethernet frame with an ARP request for the sender's own address. @see RFC 826 */
export function encodeAnnouncement(mac: string, address: string): Buffer {
  const hardware = Buffer.from(mac.replaceAll(':', ''), 'hex')
  const protocol = Buffer.from(address.split('.').map(Number))
  assert(
    hardware.length === macBytes && protocol.length === addressBytes,
    'a link address and an IPv4 address',
  )
  const frame = Buffer.alloc(frameBytes)
  frame.fill(0xff, 0, macBytes)
  hardware.copy(frame, 6)
  frame.writeUInt16BE(ETH_P_ARP, 12)
  // Ethernet, IPv4, their lengths, request.
  frame.set([0, 1, 8, 0, macBytes, addressBytes, 0, 1], 14)
  hardware.copy(frame, 22)
  protocol.copy(frame, 28)
  protocol.copy(frame, 38)
  return frame
}
