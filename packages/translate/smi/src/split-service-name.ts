import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'

/**
 * The Service that a split means, which is one of its own namespace: by its short name, with the namespace, or with the whole
 * domain behind it. @see SMI Traffic Split; research on the names that are in use: short, `name.namespace`, and full
 */
export function splitServiceName(text: string, namespace: string): Result<string> {
  const [name = '', home, svc] = text.split('.')
  if (home === undefined) return ok(name)
  if (home === namespace && (svc === undefined || svc === 'svc')) return ok(name)
  return err(`${text} is no Service of namespace ${namespace}, for which the split speaks`)
}
