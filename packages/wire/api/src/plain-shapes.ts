import { ipFault, isRecord, labelFault, portNameFault, subdomainFault } from './shapes.ts'

/** Said of what only a schema can judge: it is wrong, or not as most are. */
export const notPlain: unique symbol = Symbol('not plain')

export type NotPlain = typeof notPlain

/** Lists beyond this are left to the schema: entries are compared with one another. */
const maxEntries = 16

/** Whether a record has no other fields than these. */
export function hasOnly(record: Readonly<Record<string, unknown>>, fields: ReadonlySet<string>): boolean {
  for (const field in record) if (!fields.has(field)) return false
  return true
}

export function isLabel(value: unknown): value is string {
  return typeof value === 'string' && labelFault(value) === undefined
}

export function isSubdomain(value: unknown): value is string {
  return typeof value === 'string' && subdomainFault(value) === undefined
}

export function isAddress(value: unknown): value is string {
  return typeof value === 'string' && ipFault(value) === undefined
}

export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535
}

export function isPortName(value: unknown): value is string {
  return typeof value === 'string' && portNameFault(value) === undefined
}

export function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  if (!isRecord(value)) return false
  for (const key in value) if (typeof value[key] !== 'string') return false
  return true
}

/** What each entry of a short list is; nothing where one is not plain, or two have one `key`. */
export function plainList<T>(
  value: unknown,
  entryOf: (entry: Readonly<Record<string, unknown>>) => T | NotPlain,
  haveOneKey: (a: T, b: T) => boolean,
): readonly T[] | NotPlain {
  if (!Array.isArray(value) || value.length > maxEntries) return notPlain
  const entries: T[] = []
  for (const each of value) {
    const entry = isRecord(each) ? entryOf(each) : notPlain
    if (entry === notPlain || entries.some((other) => haveOneKey(other, entry))) return notPlain
    entries.push(entry)
  }
  return entries
}
