import type { SessionPersistenceSpec } from '@tulle/api'
import type { SessionPersistence } from '@tulle/traffic'
import type { FieldProblem } from './problem-notes.ts'
import { problemAt } from './problem-notes.ts'
import type { RouteObject } from './routes.ts'

/** The session of a rule; none where an earlier rule has its name: two rules can't share one. @see GEP-1619 */
export function sessionOf(route: RouteObject, index: number): SessionPersistence | undefined {
  const spec = specAt(route, index)
  if (spec === undefined || sharedWith(route, index) !== undefined) return undefined
  const { namespace, name } = route.metadata
  return sessionPersistence(spec, `${route.kind}/${namespace}/${name}/${index}`)
}

/** `owner` makes the name of a session that has none of its own. */
export function sessionPersistence(spec: SessionPersistenceSpec, owner: string): SessionPersistence {
  return {
    kind: spec.type === 'Cookie' ? 'cookie' : 'header',
    name: spec.sessionName ?? `tulle-session-${fingerprint(owner)}`,
    absoluteTimeoutMs: spec.absoluteTimeoutMs,
  }
}

/** Sessions that do not hold because an earlier rule has their name. */
export function sharedSessions(route: RouteObject): readonly FieldProblem[] {
  return route.spec.rules.flatMap((_, index) => {
    const before = sharedWith(route, index)
    if (before === undefined) return []
    const message = `rule ${before} has a session of this name; this rule has none`
    const path = `spec.rules[${index}].sessionPersistence.sessionName`
    return [problemAt(route, path, { reason: 'SessionNameReused', message })]
  })
}

function sharedWith(route: RouteObject, index: number): number | undefined {
  const own = specAt(route, index)
  if (own?.sessionName === undefined) return undefined
  const first = route.spec.rules.findIndex((_, i) => {
    const other = specAt(route, i)
    return other !== undefined && other.sessionName === own.sessionName && other.type === own.type
  })
  return first < index ? first : undefined
}

function specAt(route: RouteObject, index: number): SessionPersistenceSpec | undefined {
  const rule = route.spec.rules[index]
  return rule !== undefined && 'sessionPersistence' in rule ? rule.sessionPersistence : undefined
}

/** Eight letters of hex that stay the same as long as the text does (FNV-1a). */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
