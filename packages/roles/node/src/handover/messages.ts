/**
 * What a node proxy and the one that takes over from it say to one another, as JSON in messages of a SOCK_SEQPACKET
 * socket. Each request is answered before the next one is sent. @see docs/adr/0009-sockets-outlive-their-process.md
 */
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { ListenerRole } from '@tulle/l4'

/** Changes whenever an older process could misread what a newer one says, or the other way round. */
export const handoverFormat = 1

export const maxMessageBytes = 65_536

/** A listening socket whose descriptor comes with the message, in the order of the list. */
export interface HandedListener {
  readonly role: ListenerRole
  readonly worker: number
  readonly ip: string
  readonly port: number
}

/** From the process that takes over. */
export type HandoverRequest =
  | { readonly kind: 'hello'; readonly format: number; readonly version: string; readonly node: string }
  /** Does the old process listen for this workload? */
  | { readonly kind: 'serves'; readonly uid: string }
  | { readonly kind: 'take'; readonly uid: string }
  /** It accepts from everything that it took: the old process lets go of all it has. */
  | { readonly kind: 'serving' }

/** From the process that is taken over from. */
export type HandoverReply =
  | { readonly kind: 'welcome'; readonly version: string; readonly pid: number }
  /** Nothing changes; the connection ends. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'serves'; readonly known: boolean }
  | { readonly kind: 'listeners'; readonly listeners: readonly HandedListener[] }
  | { readonly kind: 'released'; readonly connections: number; readonly deadlineMs: number }
  /** Nobody asks for this one: it is said last, when the old process ends. */
  | { readonly kind: 'drained'; readonly cut: number }

export function encodeHandover(message: HandoverRequest | HandoverReply): Uint8Array {
  return Buffer.from(JSON.stringify(message))
}

type Fields = Readonly<Record<string, unknown>>
type Shapes<Message extends { readonly kind: string }> = Readonly<
  Record<Message['kind'], (fields: Fields) => boolean>
>

const requestShapes: Shapes<HandoverRequest> = {
  hello: ({ format, version, node }) => isCount(format) && isText(version) && isText(node),
  serves: ({ uid }) => isText(uid),
  take: ({ uid }) => isText(uid),
  serving: () => true,
}

const replyShapes: Shapes<HandoverReply> = {
  welcome: ({ version, pid }) => isText(version) && isCount(pid),
  refused: ({ reason }) => isText(reason),
  serves: ({ known }) => typeof known === 'boolean',
  listeners: ({ listeners }) => Array.isArray(listeners) && listeners.every(isListener),
  released: ({ connections, deadlineMs }) => isCount(connections) && isCount(deadlineMs),
  drained: ({ cut }) => isCount(cut),
}

/** Fields that are not known are ignored: within one format only such may come. */
export function decodeRequest(bytes: Uint8Array): Result<HandoverRequest> {
  return decode<HandoverRequest>(bytes, requestShapes)
}

export function decodeReply(bytes: Uint8Array): Result<HandoverReply> {
  return decode<HandoverReply>(bytes, replyShapes)
}

function decode<Message extends { readonly kind: string }>(
  bytes: Uint8Array,
  shapes: Shapes<Message>,
): Result<Message> {
  const fields = decodeFields(bytes)
  if (!fields.ok) return fields
  const { kind } = fields.value
  if (!isText(kind) || !Object.hasOwn(shapes, kind)) return err(`a message of unknown kind ${String(kind)}`)
  // The kind is a key of the shapes, whose check makes the fields a message.
  return shapes[kind as Message['kind']](fields.value)
    ? ok(fields.value as unknown as Message)
    : err(`a malformed ${kind}`)
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

const roles: readonly ListenerRole[] = ['outbound', 'hbone', 'plaintext']

function isListener(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { role, worker, ip, port } = value as Fields // checked key by key
  return (
    roles.some((known) => known === role) && isCount(worker) && isText(ip) && isCount(port) && port <= 65_535
  )
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
