/** Ethernet, IPv4, IPv6 and TCP headers, read leniently: whatever is on the wire becomes a packet. */
import { addressText } from './socket-address.ts'

export interface CapturedPacket {
  readonly etherType: number
  /** On the wire; `bytes` may hold fewer. */
  readonly wireBytes: number
  /** From the Ethernet header on. */
  readonly bytes: Buffer
  readonly ip: IpHeader | undefined
  readonly tcp: TcpHeader | undefined
  /** What TCP carries; of other protocols, what IP carries; otherwise what Ethernet carries. */
  readonly payload: Buffer
}

export interface IpHeader {
  readonly version: 4 | 6
  readonly source: string
  readonly destination: string
  /** 6 is TCP, 17 UDP. */
  readonly protocol: number
}

export interface TcpHeader {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly sequence: number
  readonly flags: readonly TcpFlag[]
}

export type TcpFlag = (typeof tcpFlags)[number]

const tcpFlags = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const

const ethernetBytes = 14
const TCP = 6

export function parsePacket(bytes: Buffer, wireBytes: number = bytes.length): CapturedPacket {
  const etherType = bytes.length < ethernetBytes ? 0 : bytes.readUInt16BE(12)
  const above = bytes.subarray(ethernetBytes)
  const network =
    etherType === 0x0800 ? parseIpv4(above) : etherType === 0x86dd ? parseIpv6(above) : undefined
  const transport = network?.ip.protocol === TCP ? parseTcp(network.payload) : undefined
  return {
    etherType,
    wireBytes,
    bytes,
    ip: network?.ip,
    tcp: transport?.tcp,
    payload: transport?.payload ?? network?.payload ?? above,
  }
}

/** RFC 791 §3.1. Fragments but the first have no transport header; their bytes are payload. */
function parseIpv4(bytes: Buffer): { ip: IpHeader; payload: Buffer } | undefined {
  if (bytes.length < 20) return undefined
  const headerBytes = (bytes.readUInt8(0) & 15) * 4
  // 0 with segmentation offload beyond 64 KiB: then all of it.
  const totalBytes = bytes.readUInt16BE(2) || bytes.length
  const fragment = (bytes.readUInt16BE(6) & 0x1fff) !== 0
  const ip: IpHeader = {
    version: 4,
    source: addressText(bytes.subarray(12, 16)),
    destination: addressText(bytes.subarray(16, 20)),
    protocol: fragment ? -1 : bytes.readUInt8(9),
  }
  return { ip, payload: bytes.subarray(headerBytes, totalBytes) }
}

/** RFC 8200 §3; extension headers are not followed. */
function parseIpv6(bytes: Buffer): { ip: IpHeader; payload: Buffer } | undefined {
  if (bytes.length < 40) return undefined
  const payloadBytes = bytes.readUInt16BE(4) || bytes.length
  const ip: IpHeader = {
    version: 6,
    source: addressText(bytes.subarray(8, 24)),
    destination: addressText(bytes.subarray(24, 40)),
    protocol: bytes.readUInt8(6),
  }
  return { ip, payload: bytes.subarray(40, 40 + payloadBytes) }
}

/** RFC 9293 §3.1. */
function parseTcp(bytes: Buffer): { tcp: TcpHeader; payload: Buffer } | undefined {
  if (bytes.length < 20) return undefined
  const bits = bytes.readUInt8(13)
  const tcp: TcpHeader = {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    sequence: bytes.readUInt32BE(4),
    flags: tcpFlags.filter((_, i) => (bits & (1 << i)) !== 0),
  }
  return { tcp, payload: bytes.subarray((bytes.readUInt8(12) >> 4) * 4) }
}
