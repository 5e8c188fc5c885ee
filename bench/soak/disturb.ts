import { systemClock } from '@tulle/core'
import type { Mesh } from '../../tests/support/mesh.ts'
import { until } from '../../tests/support/waiting.ts'
import type { Disturbance } from './ledger.ts'
import { disturbedNodes } from './soak-mesh.ts'

/** Kills and upgrades by turns, one node after the other; only kills where the command has no `upgrade`. */
export function disturbancePlan(index: number, canUpgrade: boolean): Pick<Disturbance, 'kind' | 'node'> {
  const kind = canUpgrade && index % 2 === 1 ? 'upgrade' : 'kill'
  const turn = canUpgrade ? index + (index >> 1) : index
  return { kind, node: disturbedNodes[turn % disturbedNodes.length] ?? '' }
}

export async function hasUpgrade(mesh: Mesh): Promise<boolean> {
  const { stdout } = await mesh.folder.tulle('upgrade', '--help')
  return stdout.startsWith('Usage: tulle upgrade ')
}

/** Resolves when the old process is gone, or the command has returned; throws where it failed. */
export async function disturb(
  mesh: Mesh,
  { kind, node }: Pick<Disturbance, 'kind' | 'node'>,
  onBegin: (beganMs: number) => void,
): Promise<Disturbance> {
  if (kind === 'kill') {
    const pid = await mesh.pidOf(node)
    const beganMs = systemClock.nowMs()
    onBegin(beganMs)
    process.kill(pid, 'SIGKILL')
    const gone = (): true | undefined => (isGone(pid) ? true : undefined)
    await until(gone, { withinMs: 2000, describe: () => `${node} is still there` })
    return { kind, node, beganMs, doneMs: systemClock.nowMs() }
  }
  const beganMs = systemClock.nowMs()
  onBegin(beganMs)
  const { exitCode, stdout, stderr } = await mesh.folder.tulle('upgrade', node)
  if (exitCode !== 0) throw new Error(`tulle upgrade ${node} ended with ${exitCode}: ${stdout}${stderr}`)
  return { kind, node, beganMs, doneMs: systemClock.nowMs() }
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}
