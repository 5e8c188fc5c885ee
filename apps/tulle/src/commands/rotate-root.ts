import { systemClock } from '@tulle/core'
import type { RotationView } from '@tulle/control'
import { adminClient } from '../admin-client.ts'
import { render } from '../output/format.ts'
import type { OutputFormat } from '../output/format.ts'
import { renderTable } from '../output/table.ts'
import { requireRunning } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'

export interface RotateRootOptions {
  /** Only tells how things stand. */
  readonly status: boolean
  /** Returns when it is done, not when it has begun. */
  readonly wait: boolean
  readonly state: StateFolder
  readonly output: OutputFormat
  readonly print: (text: string) => void
}

const pollMs = 500

/** `tulle rotate-root`: replaces the root that signs, step by step, and tells each. It goes on without us. */
export async function rotateRoot(options: RotateRootOptions): Promise<void> {
  requireRunning(options.state)
  const client = adminClient(options.state.controlSocket)
  if (options.status) {
    const view = await client.get<RotationView>('/v1/rotation')
    options.print(await render(options.output, view, () => describeRotation(view)))
    return
  }
  let view = await client.post<RotationView>('/v1/rotate-root')
  if (!options.wait) {
    options.print(await render(options.output, view, () => describeRotation(view)))
    return
  }
  let told = ''
  for (;;) {
    const step = stepText(view)
    if (step !== told && options.output === 'table') options.print(step)
    told = step
    if (view.rotation === undefined) break
    await systemClock.sleep(pollMs)
    view = await client.get<RotationView>('/v1/rotation')
  }
  if (options.output !== 'table') options.print(await render(options.output, view, () => ''))
}

function stepText({ rotation, roots }: RotationView): string {
  if (rotation === undefined) {
    const signer = roots.find(({ signs }) => signs)?.name ?? ''
    return `done: ${signer} signs, the old root has left; certificates of it are refused`
  }
  const { stage, from, to } = rotation
  switch (stage) {
    case 'spreading':
      return `1/3  ${to} is made; every node is to believe ${from} and ${to}`
    case 'renewing':
      return `2/3  ${to} signs; every workload is to get a certificate of it`
    case 'retiring':
      return `3/3  ${from} has left; every node is to forget it`
  }
}

function describeRotation(view: RotationView): string {
  const { rotation, roots } = view
  const table = renderTable(
    ['ROOT', 'SIGNS', 'KEY', 'NOT AFTER'],
    roots.map(({ name, signs, hasKey, notAfter }) => [
      name,
      signs ? 'yes' : 'no',
      hasKey ? 'here' : 'elsewhere',
      notAfter,
    ]),
  )
  if (rotation === undefined) return `${table}\nno root is being replaced`
  const waits = rotation.waitsFor.map((who) => `  waits for ${who}`)
  return [
    table,
    stepText(view),
    ...waits,
    `  it goes on by itself, at the latest at ${rotation.atTheLatest}`,
  ].join('\n')
}
