import type { Answer, Call, TcpOutcome } from '../workload/protocol.ts'
import type { Differences } from './differences.ts'
import { differ } from './differences.ts'

/** What a mesh says of a call before anybody makes it, as far as it is held against what comes of it. */
export interface Explained {
  readonly allowed: boolean
  readonly summary: string
  /** Whether somebody reads requests there; where nobody does, what is refused is closed. */
  readonly isRead: boolean
  /** The status of an answer that no backend gives; absent: there is none, or it is that of a refusal. */
  readonly status?: number
  /** `namespace/workload` of each that may answer. */
  readonly by: readonly string[]
}

/** A request, or a connection that says nothing of itself. */
export type ExplainedCall = Pick<Call, 'host' | 'port'> &
  Partial<Pick<Call, 'method' | 'path' | 'headers' | 'authority' | 'protocol'>>

const refusedStatus = 403

/** Of gRPC's refusals, the status says nothing. */
const grpcDenied = '7'

/** Whoever asks why has to be told what happens: whether a backend is reached, which one, and what is answered otherwise. */
export function holdAgainstAnswer(explained: Explained, answer: Answer): Differences {
  const { received, headers } = answer
  const isDenied = headers.some(
    ([name, value]) => name.toLowerCase() === 'grpc-status' && value === grpcDenied,
  )
  const status = isDenied ? refusedStatus : answer.status
  const differences = holdAgainst(explained, received?.by ?? '')
  if (differences.length > 0 || received !== undefined) return differences
  const expected = explained.isRead ? (explained.status ?? refusedStatus) : 0
  return differ(`the status that is explained (${explained.summary})`, expected, status)
}

export function holdAgainstOutcome(explained: Explained, { by }: TcpOutcome): Differences {
  return holdAgainst(explained, by)
}

function holdAgainst({ allowed, by, summary }: Explained, found: string): Differences {
  const differences = differ(`it is explained as allowed (${summary})`, found !== '', allowed)
  if (differences.length > 0 || found === '' || by.includes(found)) return differences
  return [`${found} answered, and only ${by.join(', ')} is said to (${summary})`]
}
