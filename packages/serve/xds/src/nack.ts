import type { RejectedResource } from './receipt-types.ts'

const maxReasonChars = 500
/** Of one refusal, and of those that are kept for a node and type: a node must not fill our memory with them. */
export const maxRejected: number = 1000
/** A longer message is cut: it is a peer's. */
const maxMessageChars = 200_000

/** What a response held, as far as a refusal of it may speak of. */
export interface SentResources {
  has(name: string): boolean
  /** '' for a removal, and where it is not known any more. */
  versionOf(name: string): string
  names(): Iterable<string>
}

/**
 * Which resources of a response a node refused. ztunnel lists `name: reason; name: reason` and has applied all
 * others; a message that names none of them leaves everything of the response in doubt.
 */
export function parseRejections(message: string, sent: SentResources): readonly RejectedResource[] {
  const reasons = new Map<string, string>()
  let last: string | undefined
  for (const part of message.slice(0, maxMessageChars).split('; ')) {
    const colon = part.indexOf(': ')
    const name = colon < 0 ? part : part.slice(0, colon)
    if (sent.has(name)) {
      reasons.set(name, colon < 0 ? '' : part.slice(colon + 2))
      last = name
    } else if (last !== undefined) {
      const before = reasons.get(last) ?? ''
      if (before.length <= maxReasonChars) reasons.set(last, `${before}; ${part}`)
    }
    if (reasons.size >= maxRejected) break
  }
  const rejected: RejectedResource[] = []
  for (const name of reasons.size === 0 ? sent.names() : reasons.keys()) {
    if (rejected.length >= maxRejected) break
    rejected.push({ name, version: sent.versionOf(name), reason: printable(reasons.get(name) ?? message) })
  }
  return rejected
}

/** A peer's words go into logs and terminals: no control characters, no essays. */
function printable(text: string): string {
  const plain = text
    .slice(0, 4 * maxReasonChars)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
  return plain.length <= maxReasonChars ? plain : `${plain.slice(0, maxReasonChars)}…`
}
