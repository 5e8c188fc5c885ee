/** Runs the tests of one case in a checkout. */
import { spawn } from 'node:child_process'
import type { Guard } from './guards.ts'

export interface CaseRun {
  /** Names of the case's tests. */
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  /** What the run printed, for those who look into it. */
  readonly output: string
}

const testTimeoutMs = 120_000

/** Runs the tests of the guard's case that its files hold. */
export async function runCase(folder: string, guard: Guard): Promise<CaseRun> {
  const number = guard.case
  const args = [
    '--test',
    `--test-name-pattern=^case ${number}: `,
    '--test-reporter=tap',
    `--test-timeout=${testTimeoutMs}`,
    ...(guard.suite === 'unit' ? [] : ['--test-concurrency=1']),
    ...guard.tests,
  ]
  // A test runner below a test runner would report to it instead of telling us.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  const named = [...output.matchAll(/^\s*(not )?ok \d+ - (case \d+: .*)$/gmu)].filter(([, , name = '']) =>
    name.startsWith(`case ${number}: `),
  )
  const names = (failed: boolean): string[] =>
    named.filter(([, not]) => (not !== undefined) === failed).map(([, , name = '']) => name.trim())
  return { passed: names(false), failed: names(true), output }
}
