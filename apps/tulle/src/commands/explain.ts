import { existsSync } from 'node:fs'
import type { AskedRequest, Explanation, Party } from '@tulle/outputs'
import { adminClient } from '../admin-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { render } from '../output/format.ts'
import { placeText, requestText, waypointText } from './explain-request.ts'
import type { OutputFormat } from '../output/format.ts'
import type { Style } from '../output/style.ts'
import { requireRunning } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import type { UpView } from '../up/up-api.ts'

export interface ExplainOptions {
  readonly state: StateFolder
  readonly from: string
  readonly to: string
  readonly port: number | undefined
  /** What is asked; absent where it is about the connection alone. */
  readonly request?: AskedRequest
  readonly output: OutputFormat
  readonly style: Style
  readonly print: (text: string) => void
}

/** Where nothing captures traffic, what is decided holds for those who keep to it. */
export interface ExplanationView extends Explanation {
  readonly advisory?: string
}

const advisoryText = 'loopback mode: any local process can go around the mesh'

/** `tulle explain FROM TO[:PORT] [--method M --path P -H k:v]`: exit code 0 when the call is allowed, 1 when it is refused. */
export async function explain(options: ExplainOptions): Promise<void> {
  requireRunning(options.state)
  const query = new URLSearchParams({ from: options.from, to: options.to })
  if (options.port !== undefined) query.set('port', String(options.port))
  if (options.request !== undefined) {
    query.set('method', options.request.method)
    query.set('path', options.request.path)
    for (const [name, value] of options.request.headers) query.append('header', `${name}:${value}`)
  }
  const explanation = await adminClient(options.state.controlSocket).get<Explanation>(
    `/v1/explain?${query.toString()}`,
  )
  const view: ExplanationView = (await isAdvisory(options.state))
    ? { ...explanation, advisory: advisoryText }
    : explanation
  options.print(await render(options.output, view, () => explanationText(view, options.style)))
  if (!explanation.allowed) throw new CommandError(exitCodes.no, '')
}

/** A control plane that runs for itself has no `tulle up` to ask, and its nodes have namespaces. */
async function isAdvisory(state: StateFolder): Promise<boolean> {
  if (!existsSync(state.upSocket)) return false
  return (await adminClient(state.upSocket).get<UpView>('/v1/up')).mode === 'loopback'
}

/** `bookstore/books:8080`, `10.77.1.2:80`, `books`. */
export function splitTarget(target: string): { readonly to: string; readonly port: number | undefined } {
  const match = /^(?<to>.+):(?<port>\d{1,5})$/u.exec(target)
  const to = match?.groups?.['to']
  return to === undefined || (to.includes(':') && !to.startsWith('['))
    ? { to: target, port: undefined }
    : { to, port: Number(match?.groups?.['port']) }
}

export function explanationText(explanation: ExplanationView, style: Style): string {
  const { allowed, verdict, rule } = explanation
  const decided =
    rule === undefined
      ? []
      : [
          `  decided by  ${rule.object} ${rule.path ?? ''} ${placeText(rule.origin, style)}`.trimEnd(),
          `              ${rule.text}`,
        ]
  const looked = explanation.policies.map((policy) => {
    const mark = policy.matched ? style.good('√') : style.dim('×')
    const dry = policy.dryRun ? style.warn(' (audit)') : ''
    return `  ${mark} ${policy.object}${dry} ${placeText(policy.origin, style)}\n      ${policy.why}`
  })
  const changes = explanation.changes.map((change) => `  ${style.accent('→')} ${change}`)
  return [
    `${allowed ? style.good('allowed') : style.bad('refused')}  ${explanation.summary}`,
    '',
    `  from        ${partyText(explanation.from)}`,
    `  to          ${partyText(explanation.to)} port ${explanation.port}${explanation.service === undefined ? '' : ` (service ${explanation.service})`}`,
    `  identity    ${explanation.identitySeen ?? style.warn('none: plaintext')}`,
    `  reason      ${verdict.reason}${verdict.wouldRefuse === undefined ? '' : style.warn(` (would be refused by ${verdict.wouldRefuse.policy})`)}`,
    ...(explanation.advisory === undefined ? [] : [`  advisory    ${style.warn(explanation.advisory)}`]),
    ...waypointText(explanation, style),
    ...decided,
    ...requestText(explanation, style),
    ...(looked.length === 0 ? [] : ['', 'Policies at the destination', ...looked]),
    ...(changes.length === 0 ? [] : ['', allowed ? 'To refuse it' : 'To allow it', ...changes]),
  ].join('\n')
}

function partyText(party: Party): string {
  return `${party.namespace}/${party.name} (${party.address}, account ${party.serviceAccount}, ${party.node})`
}
