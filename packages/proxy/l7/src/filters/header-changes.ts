import type { Fields } from '@tulle/http1'
import { unchangeableFields } from '@tulle/traffic'
import type { Header, HeaderChanges } from '@tulle/traffic'

const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/u
/** Visible ASCII, blank, tab, and octets above (RFC 9110 §5.5). */
const fieldValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/u

/** Changes that are safe to make; the rest is told as problems. */
export function checkChanges(changes: HeaderChanges): {
  readonly changes: HeaderChanges
  readonly problems: readonly string[]
} {
  const problems: string[] = []
  const usable = ({ name, value }: Header): boolean => {
    const problem = problemOf(name, value)
    if (problem !== undefined) problems.push(problem)
    return problem === undefined
  }
  const checked = {
    set: changes.set.filter(usable),
    add: changes.add.filter(usable),
    remove: changes.remove.filter((name) => usable({ name, value: '' })),
  }
  return { changes: checked, problems }
}

function problemOf(name: string, value: string): string | undefined {
  if (!fieldName.test(name)) return `expected a header name in lower case, found ${JSON.stringify(name)}`
  if (unchangeableFields.has(name)) return `${name} is not for routes to change`
  if (!fieldValue.test(value)) return `expected a value without control characters for ${name}`
  return undefined
}

export function applyChanges(fields: Fields, changes: HeaderChanges): void {
  for (const { name, value } of changes.set) fields.set(name, value)
  for (const { name, value } of changes.add) fields.append(name, value)
  for (const name of changes.remove) fields.remove(name)
}
