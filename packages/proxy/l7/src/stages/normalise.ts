import { readHost } from '@tulle/routing'
import { normalisePath } from '@tulle/traffic'
import { localReply } from '../local-reply.ts'
import type { Stage } from './stage.ts'

/** The last authority that was read, and what it was read as: clients name the same again and again. */
let lastAuthority = ''
let lastHost: string | undefined

function hostOf(authority: string): string | undefined {
  if (authority === lastAuthority) return lastHost
  lastAuthority = authority
  lastHost = readHost(authority)
  return lastHost
}

/**
 * From here on there is one path and one host. The normalised path is also what is forwarded: a backend cannot read another
 * one than policy did.
 */
export const normalise: Stage = (request) => {
  const { head } = request
  const host = hostOf(head.authority)
  if (host === undefined) return localReply(400, 'bad_host', { flag: 'DPE', body: 'the host is malformed' })
  request.host = host
  if (head.path === '*' && head.method === 'OPTIONS') {
    request.path = '*'
    return undefined
  }
  const normal = normalisePath(head.path)
  if (!normal.ok)
    return localReply(400, 'bad_path', { flag: 'DPE', body: `the path is refused: ${normal.reason}` })
  request.path = normal.path
  request.query = normal.query
  if (normal.target !== head.path) head.path = normal.target
  return undefined
}
