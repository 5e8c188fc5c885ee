import type { HandshakeRests } from '@tulle/tunnel'

/** What bounds the data path. Every limit is per worker unless it says otherwise. */
export interface L4Limits {
  /** Connections of one workload that are open or being made, both directions; more are refused. */
  readonly maxConnectionsPerWorkload: number
  /** TLS handshakes in progress of one workload's HBONE port, also those that wait for their turn; more are closed at once. */
  readonly maxHandshakes: number
  /** The same from one source address. */
  readonly maxHandshakesPerSource: number
  /** Handshakes that one turn of the event loop begins, over all workloads, each of which gets its turn. */
  readonly maxHandshakesPerTurn: number
  /** So many handshakes of a workload within a few seconds are a burst, and come with short rests between them. */
  readonly handshakeBurst: number
  /** After a handshake of a burst its worker begins none for so many times as long as it took; the same beyond. */
  readonly handshakeRest: number
  readonly handshakeRestBeyond: number
  /** No rests where no other workload was served for so long. */
  readonly handshakeOthersMs: number
  /** HBONE sessions to one workload, handshakes included; more are closed at once. */
  readonly maxInboundSessions: number
  /** The same from one source address. */
  readonly maxSessionsPerSource: number
  /** HBONE sessions from one workload's address to one destination; what needs more is refused. */
  readonly maxSessionsPerTarget: number
  /** From a connection to its ClientHello and its turn, and again from there to the end of the handshake. */
  readonly handshakeTimeoutMs: number
  /** CONNECT streams that we open in one session; the peer may allow fewer. */
  readonly maxStreamsPerSession: number
  /** CONNECT streams that a peer may have open in one session. */
  readonly maxInboundStreamsPerSession: number
  /** Header bytes of one CONNECT. */
  readonly maxHeaderBytes: number
  /** Payload held for a tunnel whose destination is not connected yet. */
  readonly maxEarlyBytes: number
  /** Of the process: bytes that sessions may promise to receive beyond their first windows, which bounds what can be buffered. */
  readonly maxWindowBytes: number
  /** Of the process: the same of one workload's sessions. */
  readonly maxWindowBytesPerWorkload: number
  /** Of the process: payload received that waits for slow applications; beyond, sessions with much of it are not read. */
  readonly maxHeldBytes: number
  /** Of the process: the same of one workload. */
  readonly maxHeldBytesPerWorkload: number
  /** Where addresses are served on demand: connections of one workload that wait to hear what they go to; more are refused. */
  readonly maxDemandsPerWorkload: number
  /** For the control plane's answer to what a connection goes to. */
  readonly demandTimeoutMs: number
  /** For the answer to a CONNECT, which waits for the other side's connection to the destination. */
  readonly answerTimeoutMs: number
  /** Connecting to the destination, or to the next proxy. */
  readonly connectTimeoutMs: number
  /** An HBONE session without streams is let go after this. */
  readonly idleSessionMs: number
  /** Streams that run when a certificate of their session ends may go on for so long; then they are reset. */
  readonly expiredSessionMs: number
  /** The JavaScript heap of one worker; one that needs more ends the process. Buffers come on top. */
  readonly maxHeapBytes: number
  /** Access log lines that wait for the descriptor; what does not fit is dropped and counted. */
  readonly maxAccessLogBytes: number
  /** Refusals of one workload that are logged at once, and so many each second after; the rest is counted. */
  readonly maxRefusalLines: number
  readonly refusalLinesPerSecond: number
}

export const defaultLimits: L4Limits = {
  maxConnectionsPerWorkload: 16_384,
  maxHandshakes: 512,
  maxHandshakesPerSource: 128,
  maxHandshakesPerTurn: 1,
  handshakeBurst: 64,
  handshakeRest: 1,
  handshakeRestBeyond: 7,
  handshakeOthersMs: 100,
  maxInboundSessions: 4096,
  maxSessionsPerSource: 512,
  maxSessionsPerTarget: 256,
  handshakeTimeoutMs: 10_000,
  maxStreamsPerSession: 100,
  maxInboundStreamsPerSession: 200,
  maxHeaderBytes: 65_536,
  maxEarlyBytes: 262_144,
  maxWindowBytes: 268_435_456,
  maxWindowBytesPerWorkload: 67_108_864,
  maxHeldBytes: 268_435_456,
  maxHeldBytesPerWorkload: 67_108_864,
  maxDemandsPerWorkload: 1024,
  demandTimeoutMs: 5000,
  answerTimeoutMs: 15_000,
  connectTimeoutMs: 10_000,
  idleSessionMs: 300_000,
  expiredSessionMs: 3_600_000,
  maxHeapBytes: 1_073_741_824,
  maxAccessLogBytes: 4_194_304,
  maxRefusalLines: 200,
  refusalLinesPerSecond: 20,
}

/** For the gate that all handshakes of a worker pass. */
export function handshakeRests(limits: L4Limits): HandshakeRests {
  const { handshakeBurst: burst, handshakeRest, handshakeRestBeyond, handshakeOthersMs: othersMs } = limits
  return { burst, factorInBurst: handshakeRest, factorBeyond: handshakeRestBeyond, othersMs }
}

/** Descriptors that a connection may take: the caller's socket and the destination's. */
const descriptorsPerConnection = 2
/** A workload has at most so much of them, or its neighbours could not connect any more. */
const descriptorShare = 0.5

/**
 * The limits of one of `workers`: those of the process are divided, and one workload's connections leave half of the
 * descriptors to others, unless `chosen` says how many it may have.
 */
export function limitsOfWorker(chosen: Partial<L4Limits>, workers: number, openFiles: number): L4Limits {
  const limits = { ...defaultLimits, ...chosen }
  const affordable = Math.floor((openFiles * descriptorShare) / descriptorsPerConnection / workers)
  return {
    ...limits,
    maxConnectionsPerWorkload:
      chosen.maxConnectionsPerWorkload ?? Math.min(limits.maxConnectionsPerWorkload, affordable),
    maxWindowBytes: Math.floor(limits.maxWindowBytes / workers),
    maxWindowBytesPerWorkload: Math.floor(limits.maxWindowBytesPerWorkload / workers),
    maxHeldBytes: Math.floor(limits.maxHeldBytes / workers),
    maxHeldBytesPerWorkload: Math.floor(limits.maxHeldBytesPerWorkload / workers),
  }
}
