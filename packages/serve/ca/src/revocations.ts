import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { noRevocations, parseSerial, parseSpiffeId } from '@tulle/identity'
import type { Revocations } from '@tulle/identity'

/** Entries to add or to take away; the texts of serials are understood as openssl prints them too. */
export interface RevocationLists {
  readonly identities?: readonly string[]
  readonly serials?: readonly string[]
}

/** They travel to every node as one resource; who has more writes Revocation objects. */
export const maxRevocations = 10_000

/** What was held and what is added; the error names what is none, and nothing is added then. */
export function withRevocations(held: Revocations, added: RevocationLists): Result<Revocations> {
  const entries = parseLists(added)
  if (!entries.ok) return entries
  const identities = held.identities.union(entries.value.identities)
  const serials = held.serials.union(entries.value.serials)
  if (identities.size + serials.size > maxRevocations)
    return err(
      `expected at most ${maxRevocations} revocations; take old ones back, or write Revocation objects`,
    )
  return ok({ identities, serials })
}

export function withoutRevocations(held: Revocations, removed: RevocationLists): Result<Revocations> {
  const entries = parseLists(removed)
  if (!entries.ok) return entries
  return ok({
    identities: held.identities.difference(entries.value.identities),
    serials: held.serials.difference(entries.value.serials),
  })
}

function parseLists({ identities = [], serials = [] }: RevocationLists): Result<Revocations> {
  for (const identity of identities) {
    const parsed = parseSpiffeId(identity)
    if (!parsed.ok) return parsed
  }
  const canonical = new Set<string>()
  for (const serial of serials) {
    const parsed = parseSerial(serial)
    if (!parsed.ok) return parsed
    canonical.add(parsed.value)
  }
  return ok({ identities: new Set(identities), serials: canonical })
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
  return withRevocations(noRevocations, { identities, serials })
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
