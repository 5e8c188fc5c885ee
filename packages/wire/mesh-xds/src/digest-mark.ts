import { bucketsOfText, bucketsToText } from './state-digests.ts'
import type { Buckets } from './state-digests.ts'

/** Where a node's first request of a type holds the digests of its state: a name in `node.metadata`. */
export const digestsKey = 'TULLE_DIGESTS'

/**
 * What a control plane says of digests, as `control_plane.identifier` of a response. Others say something else there,
 * or nothing; and who does not know it passes over it.
 */
export type DigestMark =
  /** In a type's first answer: next time the node may bring digests instead of versions. */
  | { readonly kind: 'taken' }
  /** Instead of an answer: the node's state differs in these buckets; what versions does it have there? */
  | { readonly kind: 'tell'; readonly buckets: Buckets }
  /** In a type's first answer: it holds what differs from the state whose digests came, and nothing else. */
  | { readonly kind: 'resumed' }

/** The number is that of the format: another one is another mark. */
const prefix = 'tulle-digests/1'

export function formatDigestMark(mark: DigestMark): string {
  return mark.kind === 'tell' ? `${prefix} tell ${bucketsToText(mark.buckets)}` : `${prefix} ${mark.kind}`
}

/** Undefined for what is no mark of ours, such as istiod's identifier. */
export function parseDigestMark(identifier: string | undefined): DigestMark | undefined {
  const [name, kind, text, ...more] = identifier?.split(' ', 4) ?? []
  if (name !== prefix || more.length > 0) return undefined
  if (kind === 'tell') {
    const buckets = bucketsOfText(text ?? '')
    return buckets === undefined ? undefined : { kind, buckets }
  }
  return (kind === 'taken' || kind === 'resumed') && text === undefined ? { kind } : undefined
}
