/** Without running anything: the list of guards is complete and fits the code. `npm run guards` removes them. */
import { deepEqual, doesNotThrow, ok } from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { namesCase, readGuards, requiredCases, withoutGuard } from './guards.ts'

const root = join(import.meta.dirname, '../..')
const guards = readGuards(root)

test('every required case has a guard in the list', () => {
  const listed = new Set(guards.map((guard) => guard.case))
  deepEqual(
    requiredCases.filter((number) => !listed.has(number)),
    [],
  )
})

test("every guard's text is in its file exactly once, and goes when it is removed", () => {
  for (const guard of guards) {
    doesNotThrow(() => withoutGuard(root, guard))
    ok(!guard.replace.includes(guard.remove), `case ${guard.case}: the replacement still has the guard`)
  }
})

test("every guard's test files belong to its suite and name its case", () => {
  for (const guard of guards) {
    for (const path of guard.tests) {
      ok(namesCase(root, path, guard.case), `${path}: expected a test named "case ${guard.case}: …"`)
      const suite = /\.(root|interop)\.test\.ts$/u.exec(path)?.[1] ?? 'unit'
      ok(suite === guard.suite, `${path}: expected suite ${guard.suite}, found ${suite}`)
    }
  }
})
