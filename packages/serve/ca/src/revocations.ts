import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'

/** Who is no longer believed although a certificate would say so. */
export interface Revocations {
  readonly identities: ReadonlySet<string>
  /** Lower-case hex without leading zeros. */
  readonly serials: ReadonlySet<string>
}

export interface RevocationLists {
  readonly identities?: readonly string[]
  readonly serials?: readonly string[]
}

export const noRevocations: Revocations = { identities: new Set(), serials: new Set() }

export function withRevocations(held: Revocations, added: RevocationLists): Revocations {
  return {
    identities: new Set([...held.identities, ...(added.identities ?? [])]),
    serials: new Set([...held.serials, ...(added.serials ?? [])].map(canonicalSerial)),
  }
}

export function withoutRevocations(held: Revocations, removed: RevocationLists): Revocations {
  const serials = new Set((removed.serials ?? []).map(canonicalSerial))
  return {
    identities: held.identities.difference(new Set(removed.identities ?? [])),
    serials: held.serials.difference(serials),
  }
}

/** Colons and capitals as openssl prints them are understood too. */
export function canonicalSerial(text: string): string {
  return text
    .replaceAll(':', '')
    .toLowerCase()
    .replace(/^0+(?=.)/u, '')
}

export function encodeRevocations(revocations: Revocations): string {
  const lists = {
    identities: [...revocations.identities].toSorted(),
    serials: [...revocations.serials].toSorted(),
  }
  return `${JSON.stringify(lists, undefined, 2)}\n`
}

/** A list that can't be read must not count as an empty one. */
export function decodeRevocations(text: string): Result<Revocations> {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return err('expected JSON, found something else')
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    return err('expected an object with "identities" and "serials"')
  }
  const lists: Readonly<Record<string, unknown>> = { ...found }
  const other = Object.keys(lists).find((key) => key !== 'identities' && key !== 'serials')
  if (other !== undefined) return err(`expected "identities" and "serials", found ${JSON.stringify(other)}`)
  const { identities = [], serials = [] } = lists
  if (!isTextList(identities) || !isTextList(serials)) return err('expected two lists of text')
  return ok(withRevocations(noRevocations, { identities, serials }))
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
