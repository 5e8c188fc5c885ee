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

/** Adds a check of ours to a schema: it returns what is wrong. */
export function checked<S extends z.ZodType>(
  schema: S,
  faultsOf: (value: z.output<S>) => Iterable<Fault>,
): S {
  return schema.check((context) => {
    for (const { code, message, path = [] } of faultsOf(context.value)) {
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: [...path],
        message,
        params: { code },
      })
    }
  })
}

function text(fault: (value: string) => string | undefined): z.ZodType<string> {
  return checked(z.string(), (value) => {
    const message = fault(value)
    return message === undefined ? [] : [{ code: 'API_BAD_VALUE', message }]
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

export const dnsLabel: z.ZodType<string> = text(labelFault)
export const dnsName: z.ZodType<string> = text(subdomainFault)

export function ipFault(value: string): string | undefined {
  return parseIpAddress(value).ok
    ? undefined
    : `found ${quote(value)}; expected an IP address such as 10.0.0.7`
}

export const ipAddress: z.ZodType<string> = text(ipFault)

export const nonEmpty: z.ZodType<string> = text((value) =>
  value.trim() === '' ? 'found an empty text; expected at least one character' : undefined,
)

/** A TCP or UDP port. */
export const portNumber: z.ZodType<number> = z.int().min(1).max(65_535)

/** The name of a port. @see RFC 6335 §5.1 */
export const portName: z.ZodType<string> = text((value) => {
  const isName = value.length <= 15 && /^[a-z0-9]+(-[a-z0-9]+)*$/u.test(value) && /[a-z]/u.test(value)
  return isName
    ? undefined
    : `found ${quote(value)}; expected the name of a port: at most 15 of a–z, 0–9 and "-", with a letter among them`
})

export const textMap: z.ZodType<Record<string, string>> = z.record(z.string(), z.string())

/** A list of bounded length. */
export function list<S extends z.ZodType>(item: S): z.ZodArray<S> {
  return z.array(item).max(maxListEntries)
}

/** A list in which no two entries have the same name. */
export function uniquely<S extends z.ZodType>(
  schema: S,
  namesOf: (value: z.output<S>) => Iterable<readonly [name: string, path: FieldPath]>,
): S {
  return checked(schema, function* (value) {
    const seen = new Set<string>()
    for (const [name, path] of namesOf(value)) {
      if (seen.has(name)) {
        yield { code: 'API_DUPLICATE_NAME', message: `${name} is there already; expected each once`, path }
      }
      seen.add(name)
    }
  })
}

/** An object of exactly these fields: any other is a mistake in writing. */
export function closed<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape)
}
