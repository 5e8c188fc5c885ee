import type { ApiObject, Origin } from '@tulle/api'

/** `file:line:column`, as editors and terminals link it. */
export function placeText(origin: Origin): string {
  return `${origin.file}:${origin.line}:${origin.column}`
}

/** Where a field stands; where the object does, if the field is not written. */
export function placeOf(object: ApiObject, path: string): Origin {
  return object.positions.get(path) ?? object.origin
}

export function portsText(ports: 'all' | readonly number[]): string {
  if (ports === 'all') return 'all ports'
  return ports.length === 0 ? 'no port' : ports.join(', ')
}
