import { spawnSync } from 'node:child_process'
import type { Mesh } from '../../tests/support/mesh.ts'
import { cpuSecondsOf } from './children.ts'
import type { MeasuredProcess } from './measurement.ts'

/** A process of a mesh that runs, as a proxy of a path. */
export function measuredProcess(mesh: Mesh, pid: number): MeasuredProcess {
  return {
    cpuSeconds: () => cpuSecondsOf(pid),
    ended: async () => {
      throw new Error(`the mesh ended with ${await mesh.ended}`)
    },
  }
}

/** All threads of a process on one core, and those that it starts from now on. */
export function pin(pid: number, core: number): void {
  const found = spawnSync('taskset', ['-a', '-c', '-p', `${core}`, `${pid}`], { encoding: 'utf8' })
  if (found.status !== 0) throw new Error(`taskset could not move process ${pid}: ${found.stderr}`)
}
