import type { Clock } from '@tulle/core'
import { formatDuration } from '../output/format.ts'
import type { Style } from '../output/style.ts'
import { createReport } from './report.ts'
import type { Report } from './report.ts'
import { startSession } from './session.ts'
import type { Session } from './session.ts'
import { showCanary, showPreview } from './steps/canary.ts'
import { showEncryption } from './steps/encryption.ts'
import { showIdentities } from './steps/identities.ts'
import { showLatency } from './steps/latency.ts'
import { showAllowed, showPolicyEdit, showRefused } from './steps/policy.ts'
import { showRefusedRequest } from './steps/requests.ts'
import { showRetry } from './steps/retry.ts'
import { showRotation } from './steps/rotation.ts'

export interface DemoOptions {
  /** Ends after the steps, and says by the exit code whether all was as it should be. */
  readonly once: boolean
  readonly style: Style
  readonly clock: Clock
  readonly print: (text: string) => void
  /** Aborts when the user has seen enough. */
  readonly stop: AbortSignal
}

const lifetimeMs = 20_000
/** The mesh's own last words, shown when it fails. */
const keptLines = 30

/** The bookstore on two nodes, step by step. Resolves with whether every check held. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const { style, clock, print, stop } = options
  const startMs = clock.monotonicMs()
  const said: string[] = []
  const onOutput = (line: string): void => {
    said.push(line)
    if (said.length > keptLines) said.shift()
    if (tail.live) print(style.dim(line))
  }
  const tail = { live: false }
  print(style.strong('tulle demo · the bookstore: five workloads, two nodes'))
  const report = createReport(options)
  try {
    await using session = await startSession({
      certificateLifetime: `${lifetimeMs / 1000}s`,
      clock,
      onOutput,
    })
    if (said[0] !== undefined) report.line(said[0])
    report.line(`running after ${formatDuration(clock.monotonicMs() - startMs)}`)
    await Promise.race([
      steps(session, report),
      stopped(stop),
      session.ended.then((how) => Promise.reject(new Error(`the mesh ended: ${how}`))),
    ])
    conclude(report, options)
    if (!options.once && !stop.aborted) {
      tail.live = true
      await Promise.race([stopped(stop), session.ended])
    }
  } catch (error) {
    print(style.bad(`\nthe demo failed: ${String(error)}`))
    for (const line of said) print(style.dim(`  ${line}`))
    return false
  }
  return report.failed.length === 0
}

async function steps(session: Session, report: Report): Promise<void> {
  await showIdentities(session, report)
  await showEncryption(session, report)
  await showAllowed(session, report)
  await showRefused(session, report)
  await showPolicyEdit(session, report)
  await showRotation(session, report, lifetimeMs)
  await showPreview(session, report)
  await showCanary(session, report)
  await showRetry(session, report)
  await showRefusedRequest(session, report)
  await showLatency(session, report)
}

function conclude(report: Report, { once, style, print }: DemoOptions): void {
  if (report.failed.length > 0)
    print(`\n${style.bad(`${report.failed.length} checks failed`)}: ${report.failed.join('; ')}`)
  else print(`\n${style.good('All of it held.')}`)
  if (!once) print('The mesh goes on; what it says follows. Ctrl-C stops it.\n')
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
