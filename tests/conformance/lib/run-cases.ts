import { errorText, seededRng } from '@tulle/core'
import type { Case } from './case.ts'
import type { Differences } from './differences.ts'
import type { MeshDriver } from './driver.ts'
import { applyAll, runStep } from './run-step.ts'
import type { StepContext } from './run-step.ts'

/** `not-met`: it fails, and is known to; `met`: it was known to fail, and does not any more. */
export type Verdict = 'passed' | 'failed' | 'not-met' | 'met'

export interface CaseResult {
  readonly id: string
  readonly proves: string
  readonly spec: string
  readonly verdict: Verdict
  /** Why it is known to fail. */
  readonly reason?: string
  /** What was found beside what was expected. */
  readonly differences: readonly string[]
  readonly durationMs: number
}

export interface RunOptions {
  readonly driver: MeshDriver
  readonly seed: number
  readonly nowMs: () => number
  /** By id: why this mesh does not meet a case. */
  readonly notMet: Readonly<Record<string, string>>
  readonly onResult?: (result: CaseResult) => void
}

/** One after the other, on one mesh: each case is left with nothing of the one before. */
export async function runCases(cases: readonly Case[], options: RunOptions): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  let ids = 0
  for (const one of cases) {
    // Each case draws for itself, so that one alone does what it does among all.
    const rng = seededRng(options.seed + hash(one.id))
    const newId = (): string => `${one.id}-${options.seed}-${ids++}`
    const context: StepContext = {
      driver: options.driver,
      rng,
      one,
      newId,
      ports: new Map(),
      sessions: new Map(),
    }
    const beganMs = options.nowMs()
    const differences = await runCase(context)
    const reason = options.notMet[one.id]
    const result: CaseResult = {
      id: one.id,
      proves: one.proves,
      spec: one.spec,
      verdict: verdictOf(differences.length === 0, reason !== undefined),
      ...(reason === undefined ? {} : { reason }),
      differences,
      durationMs: Math.round(options.nowMs() - beganMs),
    }
    results.push(result)
    options.onResult?.(result)
  }
  return results
}

function verdictOf(passed: boolean, isKnown: boolean): Verdict {
  if (isKnown) return passed ? 'met' : 'not-met'
  return passed ? 'passed' : 'failed'
}

/** The first step that is not as expected ends the case. */
async function runCase(context: StepContext): Promise<Differences> {
  const { one } = context
  try {
    const begins = one.steps[0]?.kind === 'apply'
    const applied = begins ? [] : await applyAll({ manifests: one.manifests ?? [] }, context)
    if (applied.length > 0) return applied
    for (const [index, step] of one.steps.entries()) {
      const differences = await runStep(step, context)
      if (differences.length > 0) return differences.map((text) => `step ${index + 1}: ${text}`)
    }
    return []
  } catch (error) {
    return [errorText(error)]
  }
}

function hash(text: string): number {
  let sum = 0
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) >>> 0
  return sum
}
