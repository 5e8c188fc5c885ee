import { patternFault } from '@tulle/patterns'
import { z } from 'zod'
import { kindVersion } from '../kind-version.ts'
import type { HubContext, KindVersion } from '../kind-version.ts'
import type { HttpMatchSpec, HttpRouteGroupObject } from '../kinds.ts'
import { maxListEntries } from '../limits.ts'
import { checked, closed, isRecord, list, nonEmpty, quote, someOf, unique } from '../shapes.ts'
import type { Fault } from '../shapes.ts'

const methods = ['*', 'GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const

const match = closed({
  name: nonEmpty,
  pathRegex: checked(z.string(), regexFaults).optional(),
  methods: someOf(z.enum(methods), 'leave the field out for any method').optional(),
  headers: checked(z.unknown(), headerFaults).optional(),
})

const spec = closed({
  matches: unique(list(match), ['name']),
})

export const httpRouteGroupV1alpha4: KindVersion = kindVersion({
  group: 'specs.smi-spec.io',
  version: 'v1alpha4',
  kind: 'HTTPRouteGroup',
  namespaced: true,
  spec,
  misplaced: {
    matches: 'up to v1alpha2 it stood here; it belongs under "spec"',
    'spec.matches.path': 'write "pathRegex"',
    'spec.matches.method': 'write "methods", a list',
  },
  toHub: groupSpec,
})

function groupSpec(raw: z.output<typeof spec>, context: HubContext): HttpRouteGroupObject['spec'] {
  if (raw.matches.length === 0) {
    context.warn(
      'API_BAD_VALUE',
      ['spec', 'matches'],
      'an empty list: rules that name this group allow nothing',
    )
  }
  return { matches: raw.matches.map(matchSpec) }
}

function matchSpec({ name, pathRegex, methods: written, headers }: z.output<typeof match>): HttpMatchSpec {
  const anyMethod = written === undefined || written.includes('*')
  return {
    name,
    headers: headerEntries(headers).map(({ key, value }) => ({
      name: key.toLowerCase(),
      regex: String(value),
    })),
    ...(pathRegex === undefined ? {} : { pathRegex }),
    ...(anyMethod ? {} : { methods: written }),
  }
}

interface HeaderEntry {
  readonly key: string
  readonly value: unknown
  readonly path: readonly (string | number)[]
}

/**
 * The text shows headers as a map, the published CRD wants a list of one-entry maps, and both are in use under the
 * same version: both are read. A name that a list repeats has to match each of its expressions.
 * @see SMI Traffic Specs v1alpha4, HTTPRouteGroup; the map came in 2021 without a new version
 */
function headerEntries(headers: unknown): readonly HeaderEntry[] {
  if (Array.isArray(headers)) {
    return headers.flatMap((item: unknown, i) =>
      isRecord(item) ? Object.entries(item).map(([key, value]) => ({ key, value, path: [i, key] })) : [],
    )
  }
  if (!isRecord(headers)) return []
  return Object.entries(headers).map(([key, value]) => ({ key, value, path: [key] }))
}

function* headerFaults(headers: unknown): Generator<Fault> {
  if (headers === undefined) return
  const shape = 'expected a map of header names to regular expressions, or a list of such maps'
  if (!isRecord(headers) && !Array.isArray(headers)) {
    yield { code: 'API_WRONG_TYPE', message: shape }
    return
  }
  if (Array.isArray(headers)) {
    for (const [i, item] of headers.entries()) {
      if (!isRecord(item)) yield { code: 'API_WRONG_TYPE', message: shape, path: [i] }
    }
  }
  const entries = headerEntries(headers)
  if (entries.length > maxListEntries) {
    yield {
      code: 'API_TOO_LARGE',
      message: `found ${entries.length} headers; expected at most ${maxListEntries}`,
    }
    return
  }
  for (const entry of entries) yield* headerFault(entry)
}

function* headerFault({ key, value, path }: HeaderEntry): Generator<Fault> {
  if (!/^(:authority|[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256})$/u.test(key)) {
    yield { code: 'API_BAD_VALUE', message: `found ${quote(key)}; expected the name of a header`, path }
  } else if (typeof value !== 'string') {
    const message = 'expected a regular expression as text: put quotes around it'
    yield { code: 'API_WRONG_TYPE', message, path }
  } else {
    for (const fault of regexFaults(value)) yield { ...fault, path }
  }
}

function* regexFaults(pattern: string): Generator<Fault> {
  const message = patternFault(pattern)
  if (message !== undefined) yield { code: 'API_BAD_REGEX', message }
}
