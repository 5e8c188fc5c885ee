import { join } from 'node:path'
import { systemClock } from '@tulle/core'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import type { AdminClient } from '../../apps/tulle/src/admin-client.ts'
import type { ConstantRatePlan } from '../../apps/tulle/src/bench/load/constant-rate.ts'
import type { Mesh } from '../../tests/support/mesh.ts'
import { until } from '../../tests/support/waiting.ts'
import { median } from '../support/statistics.ts'
import { steadies } from './soak-mesh.ts'
import type { SteadyReport } from './steady-client.ts'

const connections = 32
/** Less than a drain deadline, so that an upgrade has no reason to cut one. */
const maxAgeMs = 3000
const saturateMs = 2500
const saturationWindows = 4

/** The clients that make most of the traffic. */
export class SteadyLoad {
  readonly #clients: ReadonlyMap<string, AdminClient>

  private constructor(clients: ReadonlyMap<string, AdminClient>) {
    this.#clients = clients
  }

  static async of(mesh: Mesh): Promise<SteadyLoad> {
    const clients = new Map<string, AdminClient>()
    for (const { name } of steadies) {
      const client = adminClient(join(mesh.folder.root, 'agents', `${name}.sock`))
      const answers = (): Promise<SteadyReport | undefined> =>
        client.post<SteadyReport>('/take').catch(() => undefined)
      await until(answers, () => `${name} does not answer`)
      clients.set(name, client)
    }
    return new SteadyLoad(clients)
  }

  /** What all of them together can get through, in requests a second: the median of some seconds each. */
  async saturation(): Promise<number> {
    await this.start(Infinity)
    await systemClock.sleep(saturateMs)
    const rates: number[] = []
    await this.take()
    for (let fromMs = systemClock.monotonicMs(); rates.length < saturationWindows;) {
      await systemClock.sleep(saturateMs)
      const reports = await this.take()
      const nowMs = systemClock.monotonicMs()
      const answered = [...reports.values()].reduce((sum, report) => sum + report.answered, 0)
      rates.push((answered / (nowMs - fromMs)) * 1000)
      fromMs = nowMs
    }
    return median(rates)
  }

  /** `perSecond` is of all of them together. */
  async start(perSecond: number): Promise<void> {
    const plan: ConstantRatePlan = {
      host: 'backend',
      port: 8080,
      connections,
      perSecond: perSecond / this.#clients.size,
      maxAgeMs,
    }
    for (const client of this.#clients.values()) await client.post('/start', plan)
  }

  take(verb: 'take' | 'stop' = 'take'): Promise<ReadonlyMap<string, SteadyReport>> {
    const ask = async ([name, client]: [string, AdminClient]): Promise<[string, SteadyReport]> => [
      name,
      await client.post<SteadyReport>(`/${verb}`),
    ]
    return Promise.all([...this.#clients].map(ask)).then((entries) => new Map(entries))
  }
}
