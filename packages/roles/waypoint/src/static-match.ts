import { anyRequest } from '@tulle/traffic'
import type { HttpMatch, NamedMatch, PathMatch } from '@tulle/traffic'
import { compilePattern } from '@tulle/patterns'
import { z } from 'zod'

/** Requests as HTTPRoute has them: paths, methods, headers, query parameters. */

const expression = z.string().superRefine((source, context) => {
  const compiled = compilePattern({ source, anchor: 'full' })
  if (!compiled.ok) context.addIssue(`expected an RE2 expression: ${compiled.error}`)
})

const absolutePath = z
  .string()
  .startsWith('/', 'expected a path that begins with a slash')
  .regex(/^[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]*$/u, 'expected a path without query and special characters')
  .refine(
    (path) => !path.includes('//') && !/\/\.{1,2}(?:\/|$)/u.test(path),
    'expected a normal path, without // and dots',
  )

const path = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('Exact'), value: absolutePath }),
    z.strictObject({ type: z.literal('PathPrefix'), value: absolutePath }),
    z.strictObject({ type: z.literal('RegularExpression'), value: expression }),
  ])
  .transform((match): PathMatch => {
    if (match.type === 'RegularExpression')
      return { kind: 'pattern', pattern: { source: match.value, anchor: 'full' } }
    return { kind: match.type === 'Exact' ? 'exact' : 'prefix', path: match.value }
  })

function named(toName: (name: string) => string): z.ZodType<NamedMatch> {
  const name = z.string().min(1).max(256).transform(toName)
  return z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('Exact'), name, value: z.string() }),
      z.strictObject({ type: z.literal('RegularExpression'), name, value: expression }),
    ])
    .transform((match): NamedMatch => ({
      name: match.name,
      value:
        match.type === 'Exact'
          ? { kind: 'exact', value: match.value }
          : { kind: 'pattern', pattern: { source: match.value, anchor: 'full' } },
    }))
}

const method = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/u, 'expected a method')

export const matchSchema: z.ZodType<HttpMatch> = z
  .strictObject({
    path: path.optional(),
    method: method.optional(),
    headers: z.array(named((name) => name.toLowerCase())).default([]),
    queryParams: z.array(named((name) => name)).default([]),
  })
  .transform((match): HttpMatch => ({
    ...(match.path === undefined ? {} : { path: match.path }),
    methods: match.method === undefined ? [] : [match.method],
    headers: match.headers,
    query: match.queryParams,
  }))

/** None in the list: any request. */
export const matchesSchema: z.ZodType<readonly HttpMatch[]> = z
  .array(matchSchema)
  .default([])
  .transform((matches) => (matches.length === 0 ? [anyRequest] : matches))
