import type { HttpMatch, NamedMatch, PathMatch, Pattern } from '@tulle/traffic'
import { anchorNames } from './enum-names.ts'
import type { MatchInit, NamedMatchInit, PathMatchInit } from './message-init.ts'

export function matchMessage({ path, methods, headers, query }: HttpMatch): MatchInit {
  return {
    ...(path === undefined ? {} : { path: pathMatchMessage(path) }),
    methods: [...methods],
    headers: headers.map(namedMatchMessage),
    query: query.map(namedMatchMessage),
  }
}

function pathMatchMessage(match: PathMatch): PathMatchInit {
  if (match.kind === 'pattern') return { kind: { case: 'pattern', value: patternMessage(match.pattern) } }
  return { kind: { case: match.kind, value: match.path } }
}

function namedMatchMessage({ name, value }: NamedMatch): NamedMatchInit {
  if (value.kind === 'exact') return { name, value: { case: 'exact', value: value.value } }
  return { name, value: { case: 'pattern', value: patternMessage(value.pattern) } }
}

function patternMessage({ source, anchor }: Pattern): {
  readonly source: string
  readonly anchor: (typeof anchorNames.numberOf)[Pattern['anchor']]
} {
  return { source, anchor: anchorNames.numberOf[anchor] }
}
