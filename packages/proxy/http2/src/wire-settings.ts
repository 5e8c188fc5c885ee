import { byteAt, defaultMaxFrameBytes, maxInt31, readUint32 } from './frame.ts'
import { http2Error } from './error-codes.ts'
import type { Http2Limits } from './limits.ts'
import type { Http2Settings } from './session-options.ts'

/** Identifiers (RFC 9113 §6.5.2, RFC 8441 §3). */
const settingId = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
} as const

export const settingBytes = 6

/** Until its SETTINGS come, a peer is asked for no more streams than this; RFC 9113 §6.5.2 recommends no less. */
const assumedMaxStreams = 100

/** What a peer announced; the initial values are the RFC's. */
export class RemoteSettings {
  headerTableBytes = 4096
  maxConcurrentStreams: number = assumedMaxStreams
  initialWindowBytes = 65_535
  maxFrameBytes: number = defaultMaxFrameBytes
  maxHeaderListBytes: number = Number.POSITIVE_INFINITY
  enableConnectProtocol = false
  #came = false
  #fromServer = false

  /** Whether the peer's first SETTINGS are in. */
  get came(): boolean {
    return this.#came
  }

  /** Takes a SETTINGS payload (a whole number of entries). Returns the error code of the first bad entry, or noError. */
  apply(bytes: Buffer, start: number, end: number, ownRole: 'client' | 'server'): number {
    this.#fromServer = ownRole === 'client'
    if (!this.#came) this.maxConcurrentStreams = maxInt31
    this.#came = true
    for (let at = start; at < end; at += settingBytes) {
      const code = this.#applyOne((byteAt(bytes, at) << 8) | byteAt(bytes, at + 1), readUint32(bytes, at + 2))
      if (code !== http2Error.noError) return code
    }
    return http2Error.noError
  }

  #applyOne(id: number, value: number): number {
    switch (id) {
      case settingId.headerTableSize:
        this.headerTableBytes = value
        return http2Error.noError
      case settingId.enablePush:
        // A server may not claim it at all (RFC 9113 §6.5.2).
        return value > (this.#fromServer ? 0 : 1) ? http2Error.protocolError : http2Error.noError
      case settingId.maxConcurrentStreams:
        this.maxConcurrentStreams = value
        return http2Error.noError
      case settingId.initialWindowSize:
        this.initialWindowBytes = value
        return value > maxInt31 ? http2Error.flowControlError : http2Error.noError
      case settingId.maxFrameSize:
        this.maxFrameBytes = value
        return value < defaultMaxFrameBytes || value > 0xff_ffff
          ? http2Error.protocolError
          : http2Error.noError
      case settingId.maxHeaderListSize:
        this.maxHeaderListBytes = value
        return http2Error.noError
      case settingId.enableConnectProtocol:
        return this.#applyConnectProtocol(value)
      default:
        return http2Error.noError
    }
  }

  /** Once on, it may not be taken back (RFC 8441 §3). */
  #applyConnectProtocol(value: number): number {
    if (value > 1 || (value === 0 && this.enableConnectProtocol)) return http2Error.protocolError
    this.enableConnectProtocol = value === 1
    return http2Error.noError
  }
}

/** Payload of the SETTINGS frame that opens our side. */
export function encodeSettings(
  role: 'client' | 'server',
  settings: Http2Settings,
  limits: Http2Limits,
): Buffer {
  const entries: [id: number, value: number][] = [
    [settingId.headerTableSize, settings.headerTableBytes],
    [settingId.initialWindowSize, settings.initialStreamWindowBytes],
    [settingId.maxFrameSize, settings.maxFrameBytes],
    [settingId.maxHeaderListSize, limits.maxHeaderListBytes],
  ]
  if (role === 'client') entries.push([settingId.enablePush, 0])
  else entries.push([settingId.maxConcurrentStreams, settings.maxConcurrentStreams])
  if (role === 'server' && settings.enableConnectProtocol) entries.push([settingId.enableConnectProtocol, 1])
  const payload = Buffer.alloc(entries.length * settingBytes)
  for (const [index, [id, value]] of entries.entries()) {
    payload.writeUInt16BE(id, index * settingBytes)
    payload.writeUInt32BE(value, index * settingBytes + 2)
  }
  return payload
}
