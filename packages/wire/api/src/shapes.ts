import { z } from 'zod'
import { parseIpAddress } from '@tulle/mesh'
import type { FieldPath } from './field-path.ts'
import { maxListEntries } from './limits.ts'
import type { ApiCode } from './problem.ts'

/** A fault that a check of ours finds, with the code that its problem gets. */
export interface Fault {
  readonly code: ApiCode
  readonly message: string
  /** Below the value that was checked. */
  readonly path?: FieldPath
}

/** Adds a check of ours to a schema: it returns what is wrong. It runs where the value has the schema's type. */
export function checked<S extends z.ZodType>(
  schema: S,
  faultsOf: (value: z.output<S>) => Iterable<Fault>,
): S {
  return schema.check((context) => push(context, faultsOf(context.value)))
}

/** The same, run also where parts of the value have faults of their own: all of them are told at once. */
export function checkedAlways<S extends z.ZodType>(
  schema: S,
  faultsOf: (value: unknown) => Iterable<Fault>,
): S {
  return schema.superRefine((value, context) => push(context, faultsOf(value)), { when: () => true })
}

function push(context: z.core.ParsePayload, faults: Iterable<Fault>): void {
  for (const { code, message, path = [] } of faults) {
    context.issues.push({ code: 'custom', input: context.value, path: [...path], message, params: { code } })
  }
}

function text(what: string, fault: (value: string) => string | undefined): z.ZodType<string> {
  return checked(textOf(what), (value) => {
    const message = fault(value)
    return message === undefined ? [] : [{ code: 'API_BAD_VALUE', message }]
  })
}

/** A text; `what` says which, where it is missing. */
export function textOf(what: string): z.ZodType<string> {
  return z.string({
    error: ({ input }) => (input === undefined ? `missing; expected ${what}` : undefined),
  })
}

export function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
}

const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/u
const subdomain = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/u

/** Why a text is no DNS label. @see RFC 1123 §2.1 */
export function labelFault(value: string): string | undefined {
  if (value.length <= 63 && label.test(value)) return undefined
  return `found ${quote(value)}; expected at most 63 of a–z, 0–9 and "-", with a letter or digit at both ends${lowered(value, label)}`
}

/** Why a text is no DNS name. @see RFC 1123 §2.1 */
export function subdomainFault(value: string): string | undefined {
  if (value.length <= 253 && subdomain.test(value)) return undefined
  return `found ${quote(value)}; expected at most 253 of a–z, 0–9, "-" and ".", with a letter or digit at both ends of each part${lowered(value, subdomain)}`
}

function lowered(value: string, pattern: RegExp): string {
  const guess = value.toLowerCase().replaceAll(/[_ ]/gu, '-')
  return guess !== value && pattern.test(guess) ? `; did you mean ${quote(guess)}?` : ''
}

export const dnsLabel: z.ZodType<string> = text('a name', labelFault)
export const dnsName: z.ZodType<string> = text('a name', subdomainFault)

export function ipFault(value: string): string | undefined {
  return parseIpAddress(value).ok
    ? undefined
    : `found ${quote(value)}; expected an IP address such as 10.0.0.7`
}

export const ipAddress: z.ZodType<string> = text('an IP address', ipFault)

export const nonEmpty: z.ZodType<string> = text('a text', (value) =>
  value.trim() === '' ? 'found an empty text; expected at least one character' : undefined,
)

/** A TCP or UDP port. */
export const portNumber: z.ZodType<number> = z.int().min(1).max(65_535)

/** Why a text is no name of a port. @see RFC 6335 §5.1 */
export function portNameFault(value: string): string | undefined {
  const isName = value.length <= 15 && /^[a-z0-9]+(-[a-z0-9]+)*$/u.test(value) && /[a-z]/u.test(value)
  return isName
    ? undefined
    : `found ${quote(value)}; expected the name of a port: at most 15 of a–z, 0–9 and "-", with a letter among them`
}

export const portName: z.ZodType<string> = text('the name of a port', portNameFault)

export const textMap: z.ZodType<Record<string, string>> = z.record(z.string(), z.string())

/** A list of bounded length. */
export function list<S extends z.ZodType>(item: S): z.ZodArray<S> {
  return z.array(item).max(maxListEntries)
}

/** A list of at least one; `hint` says what to do instead of an empty one. */
export function someOf<S extends z.ZodType>(item: S, hint: string): z.ZodArray<S> {
  return checked(list(item), function* (items) {
    if (items.length === 0) yield { code: 'API_BAD_VALUE', message: `found an empty list; ${hint}` }
  })
}

/** A list of maps of which no two have the same in any of these fields. */
export function unique<S extends z.ZodType>(schema: S, fields: readonly string[]): S {
  return checkedAlways(schema, function* (items) {
    if (!Array.isArray(items)) return
    for (const field of fields) yield* repeated(items, field)
  })
}

function* repeated(items: readonly unknown[], field: string): Generator<Fault> {
  const first = new Map<unknown, number>()
  for (const [i, item] of items.entries()) {
    const value: unknown = isRecord(item) ? item[field] : undefined
    if (typeof value !== 'string' && typeof value !== 'number') continue
    const before = first.get(value)
    if (before === undefined) first.set(value, i)
    else {
      const message = `found ${JSON.stringify(value)}, which entry [${before}] has already; expected each once`
      yield { code: 'API_DUPLICATE_NAME', message, path: [i, field] }
    }
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object of exactly these fields: any other is a mistake in writing. */
export function closed<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape)
}

/** One spelling for each address. The text was checked. */
export function canonicalIp(text: string): string {
  const parsed = parseIpAddress(text)
  return parsed.ok ? parsed.value : text
}
