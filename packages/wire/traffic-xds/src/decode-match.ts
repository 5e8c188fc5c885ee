import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { decodeEnum, decodeList } from '@tulle/mesh-xds'
import type { HttpMatchMessage, NamedMatchMessage, PathMatchMessage, PatternMessage } from '@tulle/proto'
import type { HttpMatch, NamedMatch, PathMatch, Pattern } from '@tulle/traffic'
import { anchorNames } from './enum-names.ts'

/** Patterns are texts here: whether they are sound is for whoever compiles them to find out. */
export function decodeMatch(message: HttpMatchMessage): Result<HttpMatch> {
  const headers = decodeList(message.headers, 'headers', decodeNamed)
  if (!headers.ok) return headers
  const query = decodeList(message.query, 'query', decodeNamed)
  if (!query.ok) return query
  const parts = { methods: message.methods, headers: headers.value, query: query.value }
  if (message.path === undefined) return ok(parts)
  const path = decodePath(message.path)
  return path.ok ? ok({ ...parts, path: path.value }) : path
}

function decodePath({ kind }: PathMatchMessage): Result<PathMatch> {
  if (kind.case === undefined) return err('a path match of no known kind')
  if (kind.case !== 'pattern') return ok({ kind: kind.case, path: kind.value })
  const pattern = decodePattern(kind.value)
  return pattern.ok ? ok({ kind: 'pattern', pattern: pattern.value }) : pattern
}

function decodeNamed({ name, value }: NamedMatchMessage): Result<NamedMatch> {
  if (name === '') return err('a match without a name')
  if (value.case === undefined) return err(`a match of no known kind for ${name}`)
  if (value.case === 'exact') return ok({ name, value: { kind: 'exact', value: value.value } })
  const pattern = decodePattern(value.value)
  return pattern.ok ? ok({ name, value: { kind: 'pattern', pattern: pattern.value } }) : pattern
}

function decodePattern({ source, anchor }: PatternMessage): Result<Pattern> {
  const name = decodeEnum(anchorNames, anchor, 'anchor')
  return name.ok ? ok({ source, anchor: name.value }) : name
}
