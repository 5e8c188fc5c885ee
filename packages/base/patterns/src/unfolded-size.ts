/**
 * About how many instructions a pattern unfolds to: counted repeats multiply, and three levels of them make thousands of
 * instructions out of a few characters before anybody could measure the result. It reads no more of the syntax than it
 * needs for that: what is wrong with a pattern is for the parser to say.
 */
export function unfoldedSize(source: string): number {
  const open: number[] = []
  let size = 0
  let last = 0
  let at = 0
  while (at < source.length) {
    const character = source[at]
    if (character === '(') {
      open.push(size)
      size = 0
      last = 0
      at = afterGroupStart(source, at)
    } else if (character === ')') {
      last = size
      size += open.pop() ?? 0
      at++
    } else {
      const repeat = character === '{' ? readRepeat(source, at) : undefined
      if (repeat !== undefined) {
        size += last * (repeat.times - 1)
        last *= repeat.times
        at = repeat.end
      } else {
        last = 1
        size += 1
        at = afterAtom(source, at)
      }
    }
  }
  return open.reduce((sum, outer) => sum + outer, size)
}

/** After `(`, `(?:`, `(?i:`, `(?P<name>`; `(?i)` counts as an empty group. */
function afterGroupStart(source: string, at: number): number {
  if (source[at + 1] !== '?') return at + 1
  let end = at + 2
  while (end < source.length && !':>)'.includes(source.charAt(end))) end++
  return source[end] === ')' ? end : end + 1
}

function afterAtom(source: string, at: number): number {
  if (source[at] === '[') return afterClass(source, at)
  return source[at] === '\\' ? afterEscape(source, at) : at + 1
}

/** `\n`, `\pL`, `\p{Greek}`, `\x{10FFFF}`, `\Q…\E`. */
function afterEscape(source: string, at: number): number {
  const kind = source[at + 1]
  if (kind === 'Q') {
    const end = source.indexOf(String.raw`\E`, at)
    return end === -1 ? source.length : end + 2
  }
  if ((kind === 'p' || kind === 'P' || kind === 'x') && source[at + 2] === '{') {
    const end = source.indexOf('}', at)
    return end === -1 ? source.length : end + 1
  }
  return at + (kind === 'p' || kind === 'P' ? 3 : 2)
}

function afterClass(source: string, at: number): number {
  // A bracket that comes first stands for itself.
  let end = at + (source[at + 1] === '^' ? 2 : 1)
  if (source[end] === ']') end++
  while (end < source.length && source[end] !== ']') {
    if (source[end] === '\\') end += 2
    else if (source.startsWith('[:', end)) end = skipNamed(source, end)
    else end++
  }
  return end + 1
}

function skipNamed(source: string, at: number): number {
  const end = source.indexOf(':]', at)
  return end === -1 ? at + 1 : end + 2
}

const repeatPattern = /\{(\d{1,4})(,(\d{0,4}))?\}/uy

function readRepeat(
  source: string,
  at: number,
): { readonly times: number; readonly end: number } | undefined {
  repeatPattern.lastIndex = at
  const match = repeatPattern.exec(source)
  if (match === null) return undefined
  const times = Math.max(Number(match[1]), Number(match[3] ?? 0))
  return { times, end: repeatPattern.lastIndex }
}
