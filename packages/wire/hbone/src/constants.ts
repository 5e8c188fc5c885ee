/** Outbound traffic that was captured, in the workload's network namespace. */
export const outboundPort = 15_001
/** Inbound plaintext that was captured, in the workload's network namespace. */
export const inboundPlaintextPort = 15_006
/** HBONE, in the workload's network namespace. */
export const hbonePort = 15_008
/** Admin API of a node proxy, on loopback of its own namespace. */
export const adminPort = 15_000
/** Configuration and certificates, at the control plane. */
export const controlPort = 15_012
export const metricsPort = 15_020
export const readinessPort = 15_021

const illegalTargetPorts: ReadonlySet<number> = new Set([outboundPort, inboundPlaintextPort, hbonePort])

/** Whether a port may be the target of a tunnel: the proxy's own ones would make it call itself. */
export function isLegalTargetPort(port: number): boolean {
  return !illegalTargetPorts.has(port)
}

/** A mark with the bits of it that count. */
export interface SocketMark {
  readonly mark: number
  readonly mask: number
}

/** On every socket that the proxy opens in a workload's namespace, so that its traffic is not captured again. */
export const proxySocketMark: SocketMark = { mark: 0x539, mask: 0xfff }
/** On connections that came in through the proxy, so that answers to a borrowed source address find back to it. */
export const inboundConnectionMark: SocketMark = { mark: 0x111, mask: 0xfff }

const mebibyte = 1024 * 1024

/** What both sides say in SETTINGS and keep to. @see research/ambient.md §1.6: the numbers are ztunnel's */
export const hboneHttp2: {
  readonly streamWindowBytes: number
  /** Four stream windows, on purpose: with one, a stream that nobody reads would hold up all others. */
  readonly sessionWindowBytes: number
  readonly maxFrameBytes: number
  readonly clientMaxHeaderListBytes: number
  readonly serverMaxHeaderListBytes: number
  /** What a server allows. */
  readonly maxConcurrentStreams: number
  /** What a client uses of it. */
  readonly maxStreamsPerSession: number
  /** A PING after this silence, and again after as long. */
  readonly pingIntervalMs: number
  /** Without an answer for so long the session is lost. */
  readonly pingTimeoutMs: number
  /** A session without streams is let go after it. */
  readonly unusedSessionMs: number
} = {
  streamWindowBytes: 4 * mebibyte,
  sessionWindowBytes: 16 * mebibyte,
  maxFrameBytes: mebibyte,
  clientMaxHeaderListBytes: 16 * 1024,
  serverMaxHeaderListBytes: 64 * 1024,
  maxConcurrentStreams: 200,
  maxStreamsPerSession: 100,
  pingIntervalMs: 10_000,
  pingTimeoutMs: 20_000,
  unusedSessionMs: 300_000,
}
