/** More parameters than this are not looked at: what asks for one of them does not match. */
const maxParameters = 256

/** The first value of a parameter, decoded as forms are; undefined where it is absent or not decodable. */
export function firstQueryValue(query: string, name: string): string | undefined {
  let start = 0
  for (let count = 0; start <= query.length && count < maxParameters; count++) {
    const ampersand = query.indexOf('&', start)
    const end = ampersand < 0 ? query.length : ampersand
    const equals = query.indexOf('=', start)
    const nameEnd = equals < 0 || equals > end ? end : equals
    if (nameEnd > start && decodePart(query, start, nameEnd) === name)
      return nameEnd === end ? '' : decodePart(query, nameEnd + 1, end)
    start = end + 1
  }
  return undefined
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
