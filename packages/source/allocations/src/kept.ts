import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { isIpv6, parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'

export interface Entry {
  /** The object's key. */
  readonly owner: string
  readonly address: IpAddress
}

/** What outlives a restart. */
export interface Kept {
  readonly allotted: readonly Entry[]
  /** The longest released first; the owner is the former one. */
  readonly released: readonly Entry[]
}

export const nothingKept: Kept = { allotted: [], released: [] }

const version = 1

export function encodeKept({ allotted, released }: Kept): string {
  return `${JSON.stringify({ version, allotted, released }, null, 1)}\n`
}

/** Says what is wrong with text that we cannot have written: addresses out of it would be a guess. */
export function decodeKept(text: string): Result<Kept> {
  const root = parseJson(text)
  if (!isRecord(root)) return err('expected a JSON object')
  if (root['version'] !== version) return err(`expected version ${version}`)
  const allotted = decodeEntries(root['allotted'], 'allotted')
  if (!allotted.ok) return allotted
  const released = decodeEntries(root['released'], 'released')
  if (!released.ok) return released
  const twice = firstTwice([...allotted.value, ...released.value].map(({ address }) => address))
  if (twice !== undefined) return err(`${twice} is there twice`)
  const owner = firstTwice(allotted.value.map((entry) => entry.owner))
  if (owner !== undefined) return err(`${JSON.stringify(owner.slice(0, 200))} has two addresses`)
  return ok({ allotted: allotted.value, released: released.value })
}

function decodeEntries(list: unknown, name: string): Result<readonly Entry[]> {
  if (!Array.isArray(list)) return err(`expected ${name} to be a list`)
  const entries: Entry[] = []
  for (const [i, item] of list.entries()) {
    const entry = decodeEntry(item)
    if (entry === undefined) return err(`expected ${name}[${i}] to be an owner and its IPv4 address`)
    entries.push(entry)
  }
  return ok(entries)
}

function decodeEntry(item: unknown): Entry | undefined {
  if (!isRecord(item)) return undefined
  const { owner, address } = item
  if (typeof owner !== 'string' || typeof address !== 'string') return undefined
  const parsed = parseIpAddress(address)
  return parsed.ok && !isIpv6(parsed.value) ? { owner, address: parsed.value } : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function firstTwice(texts: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return texts.find((text) => seen.size === seen.add(text).size)
}
