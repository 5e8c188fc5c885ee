/** @see W3C Trace Context §3.3.1.1 */
export const maxTracestateMembers = 32
/** What is passed on at the least, and here at the most. @see W3C Trace Context §3.3.1.5 */
const maxLength = 512
/** Members beyond this go first where all are too long. */
const longMember = 128
/** Beyond this nobody meant well. */
const maxRead = 8192

/** @see W3C Trace Context Level 2 §3.3.1.3 */
const key = /^[a-z0-9][a-z0-9_*/@-]{0,255}$/u
/** Printable, without comma and equals sign, not ending in a space. */
const value = /^[ -+\--<>-~]{0,255}[!-+\--<>-~]$/u

/**
 * What vendors keep with a trace, out of all `tracestate` fields of a request in order: as it may be passed on. Undefined: there
 * is none, or it is malformed, and then nothing of it is. Too long a list loses its long members, then its last ones.
 */
export function readTracestate(fields: readonly string[]): string | undefined {
  if (fields.length === 0) return undefined
  let length = 0
  for (const field of fields) length += field.length + 1
  if (length > maxRead) return undefined
  const members: string[] = []
  const keys = new Set<string>()
  for (const text of fields.join(',').split(',')) {
    const member = text.replaceAll(/^[ \t]+|[ \t]+$/gu, '')
    if (member === '') continue
    const at = member.indexOf('=')
    const name = member.slice(0, at)
    if (at < 1 || !key.test(name) || !value.test(member.slice(at + 1)) || keys.has(name)) return undefined
    if (members.push(member) > maxTracestateMembers) return undefined
    keys.add(name)
  }
  return members.length === 0 ? undefined : shorten(members)
}

function shorten(members: string[]): string | undefined {
  let kept = members
  if (lengthOf(kept) > maxLength) kept = kept.filter((member) => member.length <= longMember)
  while (lengthOf(kept) > maxLength) kept.pop()
  return kept.length === 0 ? undefined : kept.join(',')
}

function lengthOf(members: readonly string[]): number {
  return members.reduce((sum, member) => sum + member.length + 1, -1)
}
