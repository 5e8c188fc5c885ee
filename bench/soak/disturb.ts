import { systemClock } from '@tulle/core'
import type { UpgradeEvent } from '../../apps/tulle/src/up/upgrade-node.ts'
import type { Mesh } from '../../tests/support/mesh.ts'
import { until } from '../../tests/support/waiting.ts'
import type { Disturbance } from './ledger.ts'
import { disturbedNodes } from './soak-mesh.ts'

export type DisturbancePlan = Pick<Disturbance, 'kind' | 'node'>

/** How long the soak gives the connections of an upgraded process: longer than the steady clients keep one. */
export const handoverDrain = '20s'

/** A kill and an upgrade by turns, each node after the other. */
export function disturbancePlan(index: number): DisturbancePlan {
  const turn = index + (index >> 1)
  return {
    kind: index % 2 === 0 ? 'kill' : 'upgrade',
    node: disturbedNodes[turn % disturbedNodes.length] ?? '',
  }
}

export interface DisturbanceEvents {
  onBegin(beganMs: number): void
  /** The old process is gone, or the new one has taken over. */
  onDone(disturbance: Disturbance): void
}

/** Resolves when nothing more comes of it; throws where it failed. */
export async function disturb(mesh: Mesh, plan: DisturbancePlan, events: DisturbanceEvents): Promise<void> {
  if (plan.kind === 'kill') await kill(mesh, plan.node, events)
  else await upgrade(mesh, plan.node, events)
}

async function kill(mesh: Mesh, node: string, events: DisturbanceEvents): Promise<void> {
  const pid = await mesh.pidOf(node)
  const beganMs = systemClock.nowMs()
  events.onBegin(beganMs)
  process.kill(pid, 'SIGKILL')
  const gone = (): true | undefined => (isGone(pid) ? true : undefined)
  await until(gone, () => `${node} is still there`)
  events.onDone({ kind: 'kill', node, beganMs, doneMs: systemClock.nowMs(), drainMs: 0 })
}

/** What `tulle upgrade NODE` asks for, which prints these events. */
async function upgrade(mesh: Mesh, node: string, events: DisturbanceEvents): Promise<void> {
  const beganMs = systemClock.nowMs()
  events.onBegin(beganMs)
  for await (const event of mesh.up.follow<UpgradeEvent>(`/v1/upgrade?node=${node}`)) {
    if (event.kind === 'failed') throw new Error(event.why)
    if (event.kind === 'took-over')
      events.onDone({
        kind: 'upgrade',
        node,
        beganMs,
        doneMs: systemClock.nowMs(),
        drainMs: event.deadlineMs,
      })
  }
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}
