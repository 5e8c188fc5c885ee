/** The list of guards: what each of the abuse cases is held off by, and how to take that away. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const suites = ['unit', 'root', 'interop'] as const
type Suite = (typeof suites)[number]

/** One guard in the code, and the tests that must notice when it is gone. */
export interface Guard {
  /** Number of the case among the forty. */
  readonly case: number
  /** What the guard does, for people. */
  readonly guard: string
  readonly file: string
  /** Exact text, once in the file; several lines are fine. */
  readonly remove: string
  readonly replace: string
  /** Test files with tests named `case N: …`; at least one of those tests must fail. */
  readonly tests: readonly string[]
  readonly suite: Suite
}

/** Tokens (JWT) in requests: nothing here reads any. */
const unansweredCase = 32

/** The cases that node proxies, waypoints and their control plane answer for. */
export const requiredCases: readonly number[] = Array.from({ length: 40 }, (_, i) => i + 1).filter(
  (number) => number !== unansweredCase,
)

/** Reads `tests/abuse/guards.json` below `root`. Throws with the entry's number where one is malformed. */
export function readGuards(root: string): readonly Guard[] {
  const list: unknown = JSON.parse(readFileSync(join(root, 'tests/abuse/guards.json'), 'utf8'))
  if (!Array.isArray(list)) throw new Error('guards.json: expected a list of entries')
  return list.map((entry: unknown, index) => readGuard(entry, index))
}

function readGuard(entry: unknown, index: number): Guard {
  const found = new Map<string, unknown>(Object.entries(entry ?? {}))
  const text = (name: string): string => {
    const value = found.get(name)
    if (typeof value === 'string' && (value !== '' || name === 'replace')) return value
    throw new Error(`guards.json: entry ${index}: expected a text in "${name}"`)
  }
  const number = found.get('case')
  const tests = found.get('tests')
  const suite = suites.find((name) => name === found.get('suite'))
  if (typeof number !== 'number') throw new Error(`guards.json: entry ${index}: expected a number in "case"`)
  if (!Array.isArray(tests) || tests.length === 0 || !tests.every((path) => typeof path === 'string')) {
    throw new Error(`guards.json: entry ${index}: expected test files in "tests"`)
  }
  if (suite === undefined) {
    throw new Error(`guards.json: entry ${index}: expected one of ${suites.join(', ')} in "suite"`)
  }
  return {
    case: number,
    guard: text('guard'),
    file: text('file'),
    remove: text('remove'),
    replace: text('replace'),
    tests,
    suite,
  }
}

export function guardName(guard: Guard): string {
  return `case ${guard.case} (${guard.guard}, ${guard.file})`
}

/** The file of a guard below `root` without it. Throws when its text is not there exactly once. */
export function withoutGuard(root: string, guard: Guard): string {
  const source = readFileSync(join(root, guard.file), 'utf8')
  const pieces = source.split(guard.remove)
  if (pieces.length !== 2) {
    throw new Error(
      `${guardName(guard)}: expected its text once, found it ${pieces.length - 1} times: ${JSON.stringify(guard.remove)}`,
    )
  }
  return pieces.join(guard.replace)
}

/** Whether the file below `root` holds a test whose name starts with the case. */
export function namesCase(root: string, path: string, number: number): boolean {
  return new RegExp(`['"\`]case ${number}: `, 'u').test(readFileSync(join(root, path), 'utf8'))
}
