/** Runs the tests of one case in a checkout. */
import { spawn } from 'node:child_process'
import { systemClock } from '@tulle/core'
import type { Guard } from './guards.ts'

export interface CaseRun {
  /** Names of the case's tests. */
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  /** What the run printed, for those who look into it. */
  readonly output: string
}

const testTimeoutMs = { unit: 20_000, root: 180_000, interop: 180_000 } as const
/** How much longer unit tests may run after the first has failed: the others may wait for what never comes. */
const afterFailureMs = 1000

/** Runs the tests of the guard's case that its files hold. Unit tests are cut off soon after the first failure. */
export async function runCase(folder: string, guard: Guard): Promise<CaseRun> {
  const { case: number, suite, tests } = guard
  const args = [
    '--test',
    `--test-name-pattern=^case ${number}: `,
    '--test-reporter=tap',
    `--test-timeout=${testTimeoutMs[suite]}`,
    ...(suite === 'unit' ? [] : ['--test-concurrency=1']),
    ...tests,
  ]
  // A test runner below a test runner would report to it instead of telling us.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: suite === 'unit',
  })
  let output = ''
  let cutting: Disposable | undefined
  const onOutput = (chunk: Buffer): void => {
    output += chunk.toString()
    if (suite === 'unit' && cutting === undefined && namesIn(output, number, true).length > 0) {
      cutting = systemClock.after(afterFailureMs, () => killGroup(child.pid))
    }
  }
  child.stdout.on('data', onOutput)
  child.stderr.on('data', onOutput)
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  cutting?.[Symbol.dispose]()
  return { passed: namesIn(output, number, false), failed: namesIn(output, number, true), output }
}

/** The tests of that case that passed, or failed, by their lines in TAP. */
function namesIn(output: string, number: number, failed: boolean): readonly string[] {
  const lines = output.matchAll(/^\s*(not )?ok \d+ - (case (\d+): .*)$/gmu)
  return [...lines]
    .filter(([, not, , found]) => (not !== undefined) === failed && Number(found) === number)
    .map(([, , name = '']) => name.trim())
}

/** The runner's and those of its files. */
function killGroup(pid: number | undefined): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL')
}
