import type { HeaderExpectations, TextExpectation } from './case.ts'
import type { Pairs } from '../workload/protocol.ts'

/** What was found beside what was expected: one line each. None: it is as it should be. */
export type Differences = readonly string[]

export function differ(what: string, expected: unknown, found: unknown): Differences {
  const [a, b] = [JSON.stringify(expected), JSON.stringify(found)]
  return a === b ? [] : [`${what}: expected ${a}, found ${b}`]
}

export function differOneOf<T>(what: string, expected: T | readonly T[], found: T): Differences {
  if (!Array.isArray(expected)) return differ(what, expected, found)
  return expected.includes(found)
    ? []
    : [`${what}: expected one of ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`]
}

/** Several fields of one name are one text, joined as RFC 9110 §5.3 says. */
export function differInHeaders(what: string, expected: HeaderExpectations, found: Pairs): Differences {
  return Object.entries(expected).flatMap(([name, value]) => {
    const values = found.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, text]) => text)
    return differText(`${what} ${name}`, value, values.length === 0 ? null : values.join(','))
  })
}

function differText(what: string, expected: TextExpectation, found: string | null): Differences {
  const plain = found?.replaceAll(/, +/gu, ',') ?? null
  const wanted = [expected].flat().map((text) => text?.replaceAll(/, +/gu, ',') ?? null)
  return wanted.includes(plain)
    ? []
    : [`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`]
}
