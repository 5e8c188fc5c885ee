/**
 * A refusal in a node proxy's access log, in a line for people; undefined for every other entry. `advisory`: the caller
 * could go around the proxy.
 */
export function refusalLine(line: string, advisory: boolean = false): string | undefined {
  let entry: Record<string, unknown>
  try {
    entry = JSON.parse(line) as Record<string, unknown>
  } catch {
    // Not an access log entry.
    return undefined
  }
  const text = (key: string): string => {
    const value = entry[key]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  }
  const refused = text('verdict') === 'refused'
  const audited = text('would_refuse')
  if (!refused && audited === '') return undefined
  // The destination's proxy said 401, and has a line of its own that names the policy.
  if (text('direction') === 'outbound' && text('error').includes('401')) return undefined
  const who = text('src.identity').replace(/^spiffe:\/\/[^/]*/u, '') || 'a caller without identity'
  const policy = audited || text('policy')
  const why = policy === '' ? text('error') : `policy ${policy}`
  const label = advisory ? ' (advisory)' : ''
  const called = text('dst') || serviceName(text('dst.service'))
  const what = usualMethods.has(text('method')) ? `${text('method')} ${called}` : called
  return `${refused ? 'refused' : 'would refuse'}${label} ${who} → ${what}  ${why}`
}

/** Others may be anything, and would make every line another one. @see RFC 9110 §9.1 */
const usualMethods: ReadonlySet<string> = new Set([
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
])

/** Of a key such as `bookstore/books.bookstore.svc.cluster.local` what a user wrote. */
function serviceName(key: string): string {
  const [name = ''] = key.split('.')
  return name
}

/** Lets one line of a kind through every so often, and says how many it kept back. */
export class Thinned {
  readonly #everyMs: number
  readonly #last: Map<string, { atMs: number; kept: number }> = new Map()

  constructor(everyMs: number) {
    this.#everyMs = everyMs
  }

  /** The line to show, or undefined; `nowMs` is monotonic. */
  pass(line: string, nowMs: number): string | undefined {
    const seen = this.#last.get(line)
    if (seen !== undefined && nowMs - seen.atMs < this.#everyMs) {
      seen.kept++
      return undefined
    }
    // Bounded: what was shown long ago is forgotten first.
    if (this.#last.size >= 1000) this.#last.delete(this.#last.keys().next().value ?? '')
    this.#last.delete(line)
    this.#last.set(line, { atMs: nowMs, kept: 0 })
    return seen === undefined || seen.kept === 0 ? line : `${line}  (and ${seen.kept} more)`
  }
}
