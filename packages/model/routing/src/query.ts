/** More parameters than this are not looked at: what asks for one of them does not match. */
const maxParameters = 256

/** The last query that was read, and what was found in it: each rule of a route asks about the same one. */
let lastQuery = ''
let lastValues: ReadonlyMap<string, string | undefined> = new Map()

/** The first value of a parameter, decoded as forms are; undefined where it is absent or not decodable. */
export function firstQueryValue(query: string, name: string): string | undefined {
  if (query !== lastQuery) {
    lastValues = firstValues(query)
    lastQuery = query
  }
  return lastValues.get(name)
}

function firstValues(query: string): ReadonlyMap<string, string | undefined> {
  const values = new Map<string, string | undefined>()
  let start = 0
  for (let count = 0; start <= query.length && count < maxParameters; count++) {
    const ampersand = query.indexOf('&', start)
    const end = ampersand < 0 ? query.length : ampersand
    const equals = query.indexOf('=', start)
    const nameEnd = equals < 0 || equals > end ? end : equals
    const name = nameEnd > start ? decodePart(query, start, nameEnd) : undefined
    if (name !== undefined && !values.has(name))
      values.set(name, nameEnd === end ? '' : decodePart(query, nameEnd + 1, end))
    start = end + 1
  }
  return values
}

function decodePart(query: string, start: number, end: number): string | undefined {
  const part = query.slice(start, end)
  if (!part.includes('%') && !part.includes('+')) return part
  try {
    return decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
