import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { fieldsOf, readHost } from '@tulle/routing'
import type { RoutedRequest } from '@tulle/routing'
import { normalisePath } from '@tulle/traffic'
import type { AskedRequest } from './explanation.ts'

/** RFC 9110 §5.6.2: what methods and names of fields are made of. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/u

/** The one reading of a request, as a waypoint has it; an error says why it would be answered 400. */
export function readAsked(asked: AskedRequest, defaultHost: string): Result<RoutedRequest> {
  const { method, headers } = asked
  if (!token.test(method)) return err(`${JSON.stringify(method)} is no method`)
  const odd = headers.find(([name]) => !token.test(name) && name !== ':authority')
  if (odd !== undefined) return err(`${JSON.stringify(odd[0])} is no name of a header`)
  const sent = headers.findLast(([name]) => isHost(name))?.[1] ?? defaultHost
  const host = readHost(sent)
  if (host === undefined) return err(`a waypoint answers 400: the host ${JSON.stringify(sent)} is malformed`)
  const fields = fieldsOf(headers.filter(([name]) => !isHost(name)))
  if (asked.path === '*' && method === 'OPTIONS') return ok({ method, path: '*', query: '', host, fields })
  const path = normalisePath(asked.path)
  if (!path.ok) return err(`a waypoint answers 400: the path is refused: ${path.reason}`)
  return ok({ method, path: path.path, query: path.query, host, fields })
}

function isHost(name: string): boolean {
  return name.toLowerCase() === 'host' || name === ':authority'
}
