import type { SyncView, WaitView } from '@tulle/status'
import { adminClient } from '../admin-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { formatDuration, render } from '../output/format.ts'
import type { OutputFormat } from '../output/format.ts'
import type { Style } from '../output/style.ts'
import { requireRunning } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'

export interface WaitOptions {
  readonly state: StateFolder
  readonly timeoutMs: number
  readonly output: OutputFormat
  readonly style: Style
  readonly monotonicMs: () => number
  readonly print: (text: string) => void
}

/** `tulle wait`: reads the folder anew and waits until every node has applied what it says. */
export async function wait(options: WaitOptions): Promise<void> {
  requireRunning(options.state)
  const startMs = options.monotonicMs()
  const client = adminClient(options.state.controlSocket)
  const sync = await client.post<SyncView>('/v1/sync')
  const view = await client.get<WaitView>(`/v1/wait?revision=${sync.revision}&timeoutMs=${options.timeoutMs}`)
  const tookMs = options.monotonicMs() - startMs
  const late = view.nodes.filter((node) => node.appliedRevision < sync.revision).map((node) => node.node)
  const refusing = view.nodes.flatMap(({ node, types }) => {
    const refused = types.reduce((sum, { rejected }) => sum + rejected.length, 0)
    return refused === 0 ? [] : [`${node} (refuses ${refused} of what it was sent)`]
  })
  const behind = [...late, ...refusing, ...view.missing.map((node) => `${node} (not connected)`)]
  options.print(
    await render(options.output, { ...view, tookMs, behind, problems: sync.problems }, () =>
      view.applied
        ? `${options.style.good('applied')} on ${view.nodes.length} of ${view.nodes.length} nodes after ${formatDuration(tookMs)} (revision ${sync.revision})`
        : `${options.style.bad('not applied')} on ${behind.join(', ') || 'any node'} after ${formatDuration(tookMs)} (revision ${sync.revision})`,
    ),
  )
  if (!view.applied) throw new CommandError(exitCodes.no, '')
}
