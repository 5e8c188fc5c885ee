/** Packets of a link as they pass (packet(7)), to show what is on the wire. */
import { libc, check, lastErrno, whenReadable } from './libc.ts'
import * as linux from './linux.ts'
import { maybeInNetns } from './netns.ts'
import type { NetnsFd } from './netns.ts'
import { parsePacket } from './packet.ts'
import type { CapturedPacket } from './packet.ts'
import { withRtnetlink } from './rtnetlink.ts'

const ETH_P_ALL = 3
const receiveBufferBytes = 4 << 20
/** Packets handled in one turn of the event loop. */
const packetsPerTurn = 256

export interface CapturePacketsOptions {
  readonly netns?: NetnsFd
  readonly link: string
  /** The capture stops by itself when it has so many. */
  readonly maxPackets: number
  /** Kept of each packet, from its link header on; 65536 when absent. */
  readonly maxBytes?: number
  /** Which packets to keep; all when absent. */
  keep?(packet: CapturedPacket): boolean
}

export interface PacketCapture extends Disposable {
  /** So far, in order. Reads what has arrived by now before it answers. */
  packets(): readonly CapturedPacket[]
  /** Resolves when `maxPackets` have been kept, or the capture was disposed. */
  readonly ended: Promise<void>
}

/** Captures from now on, both directions, until disposed or full. Needs CAP_NET_RAW in the namespace. */
export function capturePackets(options: CapturePacketsOptions): PacketCapture {
  const fd = openPacketSocket(options)
  const buffer = Buffer.alloc(options.maxBytes ?? 65_536)
  const kept: CapturedPacket[] = []
  const ended = Promise.withResolvers<void>()
  let open = true
  const poll = whenReadable(fd, () => readSome(packetsPerTurn))

  function readSome(maxCount: number): void {
    for (let count = 0; open && count < maxCount; count++) {
      const length = libc.recv(fd, buffer, buffer.length, linux.MSG_DONTWAIT | linux.MSG_TRUNC)
      if (length === -1) {
        // EAGAIN ends the turn; a link that went away (ENETDOWN) has no more packets either.
        if (lastErrno() !== linux.EAGAIN) stop()
        return
      }
      const packet = parsePacket(Buffer.from(buffer.subarray(0, Math.min(length, buffer.length))), length)
      if (options.keep?.(packet) ?? true) kept.push(packet)
      if (kept.length >= options.maxPackets) stop()
    }
  }

  function stop(): void {
    if (!open) return
    open = false
    poll[Symbol.dispose]()
    libc.close(fd)
    ended.resolve()
  }

  return {
    packets() {
      readSome(options.maxPackets)
      return kept
    },
    ended: ended.promise,
    [Symbol.dispose]: stop,
  }
}

function openPacketSocket({ netns, link }: CapturePacketsOptions): number {
  const index = withRtnetlink(netns, (route) => route.linkIndex(link))
  const type = linux.SOCK_RAW | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC
  // Protocol 0 receives nothing until bind names the link, so no packet of another link slips in.
  const fd = maybeInNetns(netns, () => check('socket(AF_PACKET)', libc.socket(linux.AF_PACKET, type, 0)))
  const size = Buffer.alloc(4)
  size.writeInt32LE(receiveBufferBytes, 0)
  // struct sockaddr_ll: family, protocol (network order), interface index, …
  const address = Buffer.alloc(20)
  address.writeUInt16LE(linux.AF_PACKET, 0)
  address.writeUInt16BE(ETH_P_ALL, 2)
  address.writeInt32LE(index, 4)
  try {
    check('setsockopt(SO_RCVBUF)', libc.setsockopt(fd, linux.SOL_SOCKET, linux.SO_RCVBUF, size, 4))
    check('bind(AF_PACKET)', libc.bind(fd, address, address.length), link)
    return fd
  } catch (error) {
    libc.close(fd)
    throw error
  }
}
