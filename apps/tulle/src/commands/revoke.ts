import { parseSerial } from '@tulle/identity'
import type { RevokeView } from '@tulle/control'
import { withQuery } from '@tulle/runtime'
import { adminClient } from '../admin-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { render } from '../output/format.ts'
import type { OutputFormat } from '../output/format.ts'
import type { Style } from '../output/style.ts'
import { requireRunning } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'

export interface RevokeOptions {
  readonly verb: 'revoke' | 'reinstate'
  /** SPIFFE ids, and serial numbers in hex. */
  readonly entries: readonly string[]
  readonly state: StateFolder
  readonly output: OutputFormat
  readonly style: Style
  readonly print: (text: string) => void
}

/** `tulle revoke` and `tulle reinstate`: in force when it returns, on every node that it names. Exit code 1 where not. */
export async function revoke(options: RevokeOptions): Promise<void> {
  requireRunning(options.state)
  const { identities, serials } = sortEntries(options.entries)
  const path = withQuery(`/v1/${options.verb}`, { identity: identities, serial: serials })
  const view = await adminClient(options.state.controlSocket).post<RevokeView>(path)
  options.print(await render(options.output, view, () => describeRevocation(options, view)))
  const still = options.verb === 'reinstate' && view.written.length > 0
  if (view.missing.length > 0 || still) throw new CommandError(exitCodes.no, '')
}

interface Entries {
  readonly identities: readonly string[]
  readonly serials: readonly string[]
}

function sortEntries(entries: readonly string[]): Entries {
  const identities = entries.filter((entry) => entry.startsWith('spiffe://'))
  const serials = entries.filter((entry) => !entry.startsWith('spiffe://'))
  for (const serial of serials) {
    const parsed = parseSerial(serial)
    if (!parsed.ok) {
      throw new CommandError(
        exitCodes.usage,
        `expected a SPIFFE id (spiffe://…) or the serial number of a certificate, found ${JSON.stringify(serial)}; "tulle get workloads" and "tulle get certificates -o json" list them`,
      )
    }
  }
  return { identities, serials }
}

/** What a person at the keyboard has to know: where it holds, where not, and what they may have meant otherwise. */
export function describeRevocation(
  { verb, entries, style }: Pick<RevokeOptions, 'verb' | 'entries' | 'style'>,
  view: RevokeView,
): string {
  const done = verb === 'revoke' ? 'revoked' : 'reinstated'
  const nodes = view.nodes + view.missing.length
  const what = entries.length === 1 ? (entries[0] ?? '') : `${entries.length} entries`
  const where = `in force on ${view.nodes} of ${nodes} nodes`
  const lines = [
    `${view.missing.length === 0 ? style.good(done) : style.bad(done)} ${what}: ${where} (revision ${view.revision})`,
    ...view.missing.map(({ node, why }) => style.bad(`  not on ${node}: it ${why}`)),
  ]
  if (verb === 'revoke') {
    lines.push(...view.unknown.map((identity) => style.warn(`  no workload has ${identity} now`)))
    lines.push('It holds until "tulle reinstate"; "tulle get revocations" lists what is revoked.')
  } else {
    for (const { value, by, origin } of view.written) {
      const place = origin === undefined ? '' : ` (${origin.file}:${origin.line})`
      lines.push(style.bad(`  ${value} stays revoked: ${by}${place} says so; take it out there`))
    }
  }
  return lines.join('\n')
}
