/** More is no header that anybody judges by, but work for each rule. */
const maxReadings = 256

/**
 * All that a server may take for the value of a header which came in these lines: each line; the lines in one, as a server joins
 * them; the members of lists, as a server takes them apart (RFC 9110 §5.3, §5.6.1; RFC 6265 §4.2.1 for cookies).
 * Undefined: they are too many to be judged.
 */
export function readingsOf(name: string, lines: readonly string[]): readonly string[] | undefined {
  const separator = name === 'cookie' ? ';' : ','
  if (hasTooMany(lines, separator)) return undefined
  const members = lines.filter((line) => line.includes(separator)).flatMap((line) => line.split(separator))
  if (lines.length < 2 && members.length === 0) return lines
  return [...lines, lines.join(`${separator} `), ...members.map(withoutBlanks)]
}

function hasTooMany(lines: readonly string[], separator: string): boolean {
  let count = lines.length
  for (const line of lines)
    for (
      let at = line.indexOf(separator);
      at >= 0 && count <= maxReadings;
      at = line.indexOf(separator, at + 1)
    )
      count++
  return count > maxReadings
}

/** Blanks that HTTP does not count. Not `trim`, which takes more: a server may not. */
function withoutBlanks(member: string): string {
  let [start, end] = [0, member.length]
  while (start < end && isBlank(member.charCodeAt(start))) start++
  while (end > start && isBlank(member.charCodeAt(end - 1))) end--
  return member.slice(start, end)
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09
}
