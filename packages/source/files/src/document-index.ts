/** Which document of a file a line belongs to, both counted from 1; documents without any content do not count. */
export function documentIndexer(text: string): (line: number) => number {
  const starts: number[] = []
  let filled = false
  for (const [i, line] of text.split('\n').entries()) {
    if (/^---(?:\s|$)/u.test(line)) {
      filled = hasContent(line.slice(3))
      if (filled) starts.push(i + 1)
    } else if (/^\.\.\.(?:\s|$)/u.test(line)) {
      filled = false
    } else if (!filled && hasContent(line)) {
      filled = true
      starts.push(i + 1)
    }
  }
  return (line) => Math.max(1, countUpTo(starts, line))
}

function hasContent(line: string): boolean {
  return /^\s*[^\s#%]/u.test(line)
}

/** How many of the ascending numbers are at most `limit`. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0) <= limit) low = middle + 1
    else high = middle
  }
  return low
}
