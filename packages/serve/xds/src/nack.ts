import type { RejectedResource } from './receipt-types.ts'
import type { Payload } from './response.ts'

const maxReasonChars = 500

/**
 * Which resources of a response a node refused. ztunnel lists `name: reason; name: reason` and has applied all
 * others; a message that names none of them leaves everything of the response in doubt.
 */
export function parseRejections(message: string, sent: Payload): readonly RejectedResource[] {
  const versions = new Map(sent.upserts.map((resource) => [resource.name, resource.version]))
  for (const name of sent.removed) versions.set(name, '')
  const reasons = new Map<string, string>()
  let last: string | undefined
  for (const part of message.split('; ')) {
    const colon = part.indexOf(': ')
    const name = colon < 0 ? part : part.slice(0, colon)
    if (versions.has(name)) {
      reasons.set(name, colon < 0 ? '' : part.slice(colon + 2))
      last = name
    } else if (last !== undefined) {
      reasons.set(last, `${reasons.get(last) ?? ''}; ${part}`)
    }
  }
  const names = reasons.size === 0 ? [...versions.keys()] : [...reasons.keys()]
  return names.map((name) => ({
    name,
    version: versions.get(name) ?? '',
    reason: printable(reasons.get(name) ?? message),
  }))
}

/** A peer's words go into logs and terminals: no control characters, no essays. */
function printable(text: string): string {
  const plain = text.replaceAll(/\p{Cc}+/gu, ' ').trim()
  return plain.length <= maxReasonChars ? plain : `${plain.slice(0, maxReasonChars)}…`
}
