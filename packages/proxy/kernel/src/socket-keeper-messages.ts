/**
 * What a node proxy and the keeper of its listening sockets say to one another, as JSON in messages of a
 * SOCK_SEQPACKET socket; each request is answered before the next one is sent.
 * @see docs/adr/0013-listening-sockets-have-a-keeper.md
 */
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'

/** Changes whenever one side could misread the other. */
export const keeperFormat = 1
export const keeperMessageBytes = 65_536

/** `labels` say what each descriptor of the message is for, in their order; they mean nothing to the keeper. */
export type KeeperRequest =
  | { readonly kind: 'hello'; readonly format: number; readonly node: string }
  /** All that there is for the owner, in the place of what was kept for it. */
  | { readonly kind: 'keep'; readonly owner: string; readonly labels: readonly string[] }
  | { readonly kind: 'take'; readonly owner: string }
  | { readonly kind: 'drop'; readonly owner: string }

export type KeeperReply =
  | { readonly kind: 'done' }
  | { readonly kind: 'sockets'; readonly labels: readonly string[] }
  /** Nothing changed. */
  | { readonly kind: 'refused'; readonly reason: string }

export function encodeKeeper(message: KeeperRequest | KeeperReply): Uint8Array {
  return Buffer.from(JSON.stringify(message))
}

type Fields = Readonly<Record<string, unknown>>

/** Fields that are not known are ignored. */
export function decodeKeeperRequest(bytes: Uint8Array): Result<KeeperRequest> {
  const fields = decodeFields(bytes)
  if (!fields.ok) return fields
  const { kind, format, node, owner, labels } = fields.value
  if (kind === 'hello' && typeof format === 'number' && isText(node)) return ok({ kind, format, node })
  if (kind === 'keep' && isText(owner) && isTexts(labels)) return ok({ kind, owner, labels })
  if ((kind === 'take' || kind === 'drop') && isText(owner)) return ok({ kind, owner })
  return err('expected a hello, keep, take or drop, found something else')
}

export function decodeKeeperReply(bytes: Uint8Array): Result<KeeperReply> {
  const fields = decodeFields(bytes)
  if (!fields.ok) return fields
  const { kind, labels, reason } = fields.value
  if (kind === 'done') return ok({ kind })
  if (kind === 'sockets' && isTexts(labels)) return ok({ kind, labels })
  if (kind === 'refused' && isText(reason)) return ok({ kind, reason })
  return err('expected an answer of a keeper, found something else')
}

function decodeFields(bytes: Uint8Array): Result<Fields> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    // Every key of an object may be read; what it holds is checked by whoever reads it.
    return typeof value === 'object' && value !== null ? ok(value as Fields) : err('expected an object')
  } catch (error) {
    return err(`not JSON: ${errorText(error)}`)
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}
