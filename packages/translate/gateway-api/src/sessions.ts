import type { SessionPersistenceSpec } from '@tulle/api'
import type { SessionPersistence } from '@tulle/traffic'
import type { RouteObject } from './routes.ts'

/** The session that a rule asks for. */
export function sessionOf(route: RouteObject, index: number): SessionPersistence | undefined {
  const rule = route.spec.rules[index]
  const spec = rule !== undefined && 'sessionPersistence' in rule ? rule.sessionPersistence : undefined
  const { namespace, name } = route.metadata
  return spec === undefined
    ? undefined
    : sessionPersistence(spec, `${route.kind}/${namespace}/${name}/${index}`)
}

/** `owner` makes the name of a session that has none of its own. */
export function sessionPersistence(spec: SessionPersistenceSpec, owner: string): SessionPersistence {
  return {
    kind: spec.type === 'Cookie' ? 'cookie' : 'header',
    name: spec.sessionName ?? `tulle-session-${fingerprint(owner)}`,
    absoluteTimeoutMs: spec.absoluteTimeoutMs,
  }
}

/** Eight letters of hex that stay the same as long as the text does (FNV-1a). */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
