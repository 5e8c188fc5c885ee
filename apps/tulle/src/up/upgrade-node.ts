import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { ProcessView, TakeOverView } from '@tulle/node'
import { adminClient } from '../admin-client.ts'
import type { RoleProcess } from './role-process.ts'

export interface UpgradeOptions {
  /** The `main` of the tulle to run; absent: the one that is installed where the running one was. */
  readonly program?: string
  readonly workers?: number
}

/** How an upgrade goes, in this order; `failed` may come instead of `took-over`, and then nothing has changed. */
export type UpgradeEvent =
  | { readonly node: string; readonly kind: 'started' }
  | ({ readonly node: string; readonly kind: 'took-over'; readonly version: string } & TakeOverView)
  | {
      readonly node: string
      readonly kind: 'drained'
      readonly connections: number
      /** Connections that were open at the deadline; undefined when the old process died before. */
      readonly cut: number | undefined
      readonly afterMs: number
    }
  | { readonly node: string; readonly kind: 'failed'; readonly why: string }

export interface UpgradeDeps {
  readonly name: string
  readonly proxy: RoleProcess
  readonly adminSocket: string
  readonly main: string
  args(workers: number | undefined): readonly string[]
  readonly clock: Clock
}

const pollMs = 25
/** Begins what the command says when it fails. */
const ownPrefix = 'tulle: '
/** The new process gives up by itself before this. */
const takenWithinMs = 60_000
/** More than any deadline of draining that makes sense here. */
const drainedWithinMs = 600_000

/** Starts a second proxy that takes over from the one that runs; that one drains and ends. */
export async function* upgradeNode(
  { program, workers }: UpgradeOptions,
  deps: UpgradeDeps,
): AsyncIterable<UpgradeEvent> {
  const { name: node, proxy, clock } = deps
  const args = deps.args(workers)
  const main = program ?? deps.main
  const said = new LastWords()
  yield { node, kind: 'started' }
  try {
    await proxy.replace({
      first: () =>
        proxy.launch({ main, args: [...args, '--take-over=required'], onLine: (line) => said.hear(line) }),
      again: () => proxy.launch({ main, args }),
      taken: async (pid, signal) => void (await whenProcess(deps, takenWithinMs, signal, isTaken(pid))),
    })
  } catch (error) {
    yield { node, kind: 'failed', why: said.why ?? errorText(error) }
    return
  }
  const { takeOver, version } = await adminClient(deps.adminSocket).get<ProcessView>('/v1/process')
  if (takeOver === undefined) return
  yield { node, kind: 'took-over', version, ...takeOver }
  const fromMs = clock.monotonicMs()
  const ended = await whenProcess(deps, drainedWithinMs, undefined, isDrained)
  const { connections, cut } = ended.takeOver ?? takeOver
  yield { node, kind: 'drained', connections, cut, afterMs: Math.round(clock.monotonicMs() - fromMs) }
}

const isTaken =
  (pid: number) =>
  (view: ProcessView): boolean =>
    view.pid === pid && view.takeOver !== undefined

const isDrained = ({ takeOver }: ProcessView): boolean =>
  takeOver === undefined || takeOver.cut !== undefined || takeOver.lost === true

/** Asks the node's proxy, whichever process that is, until it is as wanted. */
async function whenProcess(
  { adminSocket, clock }: UpgradeDeps,
  withinMs: number,
  signal: AbortSignal | undefined,
  wanted: (view: ProcessView) => boolean,
): Promise<ProcessView> {
  const client = adminClient(adminSocket)
  const untilMs = clock.monotonicMs() + withinMs
  for (;;) {
    signal?.throwIfAborted()
    // Between the two processes nobody answers for a moment.
    const view = await client.get<ProcessView>('/v1/process').catch(() => undefined)
    if (view !== undefined && wanted(view)) return view
    if (clock.monotonicMs() > untilMs) throw new Error(`it did not happen within ${withinMs} ms`)
    await clock.sleep(pollMs, signal === undefined ? {} : { signal })
  }
}

/** What a process said before it failed: its own last sentence, or the first error that it could not help. */
class LastWords {
  #own: string | undefined
  #error: string | undefined

  get why(): string | undefined {
    return this.#own ?? this.#error
  }

  hear(line: string): void {
    if (line.startsWith(ownPrefix)) this.#own = line.slice(ownPrefix.length)
    else if (this.#error === undefined && /^\w*Error\b/u.test(line)) this.#error = line
  }
}
