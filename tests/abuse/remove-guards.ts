/**
 * `npm run guards -- [N | case NUMBER… | all] [--seed S]`: takes guards away in a copy of the checkout and demands
 * that the tests of their cases notice. Three at random unless told otherwise. Exit 1 if one's removal goes unnoticed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRng } from '@tulle/core'
import { CheckoutCopy } from './checkout-copy.ts'
import { guardName, readGuards, withoutGuard } from './guards.ts'
import type { Guard } from './guards.ts'
import { runCase } from './run-case.ts'

interface Verdict {
  readonly guard: Guard
  readonly passesWith: number
  readonly failing: readonly string[]
  /** Why this counts as a failure of the guard's test; undefined if all is well. */
  readonly trouble: string | undefined
}

const root = join(import.meta.dirname, '../..')
const { values, positionals } = parseArgs({ options: { seed: { type: 'string' } }, allowPositionals: true })
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed)

function choose(guards: readonly Guard[]): readonly Guard[] {
  const [first = '3', ...rest] = positionals
  if (first === 'all') return guards
  if (first === 'case') {
    const missing = rest.find((number) => !guards.some((guard) => guard.case === Number(number)))
    if (missing !== undefined) throw new Error(`no guard is listed for case ${missing}`)
    return guards.filter((guard) => rest.includes(String(guard.case)))
  }
  const count = Number(first)
  if (!Number.isInteger(count) || count < 1 || rest.length > 0) {
    throw new Error(`expected N, "case NUMBER…" or "all", found ${positionals.join(' ')}`)
  }
  console.log(`seed ${seed}`)
  const rng = seededRng(seed)
  const left = guards.filter((guard) => guard.suite !== 'root' || process.getuid?.() === 0)
  if (left.length < guards.length) console.log('the guards whose tests need root are left out')
  return Array.from({ length: Math.min(count, left.length) }, () =>
    left.splice(Math.floor(rng.next() * left.length), 1),
  ).flat()
}

async function judge(copy: CheckoutCopy, guard: Guard): Promise<Verdict> {
  const path = join(copy.folder, guard.file)
  const original = readFileSync(path, 'utf8')
  const broken = withoutGuard(copy.folder, guard)
  const before = await runCase(copy.folder, guard)
  const passesWith = before.passed.length
  if (before.failed.length > 0 || passesWith === 0) {
    console.log(before.output)
    const found = before.failed[0] ?? 'no test of that name ran'
    return { guard, passesWith, failing: [], trouble: `fails with its guard: ${found}` }
  }
  writeFileSync(path, broken)
  const after = await runCase(copy.folder, guard)
  writeFileSync(path, original)
  if (after.failed.length > 0) return { guard, passesWith, failing: after.failed, trouble: undefined }
  console.log(after.output)
  return { guard, passesWith, failing: [], trouble: 'NOT NOTICED' }
}

function print({ guard, passesWith, failing, trouble }: Verdict): void {
  const more = failing.length > 4 ? [...failing.slice(0, 3), `and ${failing.length - 3} more`] : failing
  console.log(`case ${guard.case}         ${guard.guard}`)
  console.log(`  guard         ${guard.file}`)
  console.log(`  tests         ${guard.tests.join(', ')}`)
  console.log(`  passes with   ${passesWith} of ${passesWith}`)
  console.log(`  fails without ${trouble ?? more.join('\n                ')}\n`)
}

const guards = choose(readGuards(root))
for (const guard of guards) withoutGuard(root, guard)
using copy = new CheckoutCopy(root)
const verdicts: Verdict[] = []
for (const guard of guards) {
  const verdict = await judge(copy, guard)
  verdicts.push(verdict)
  print(verdict)
}
const unnoticed = verdicts.filter((verdict) => verdict.trouble !== undefined)
console.log(`${verdicts.length - unnoticed.length} of ${verdicts.length} removals were noticed`)
for (const { guard, trouble } of unnoticed) console.log(`  ${guardName(guard)}: ${trouble}`)
process.exitCode = unnoticed.length === 0 ? 0 : 1
