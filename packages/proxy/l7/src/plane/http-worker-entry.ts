/** Entry of a thread that carries requests: an HttpWorker that the main thread commands. */
import { createBalancer } from '@tulle/balance'
import { systemClock, systemRng } from '@tulle/core'
import { ThreadHost } from '@tulle/runtime'
import { defaultOutliers } from '@tulle/traffic'
import { turnClock } from '../turn-clock.ts'
import type { UpstreamSpec } from '../upstream/cluster.ts'
import { HttpWorker } from './http-worker.ts'
import type { HttpWorkerSettings } from './http-worker.ts'

const host = new ThreadHost()
const clock = turnClock(systemClock)
host.serve((settings: HttpWorkerSettings) => {
  const log = host.log({ worker: settings.index })
  return new HttpWorker(settings, {
    clock,
    rng: systemRng,
    log,
    makeBalancer: (specs, resilience) => {
      const balancer = createBalancer<UpstreamSpec>(
        {
          outliers: resilience.outliers ?? defaultOutliers,
          onHealth: (event) => log.info('endpoint', { ...event }),
        },
        { clock, rng: systemRng },
      )
      balancer.replace(specs)
      return balancer
    },
    onAccessLog: (lines) => host.writeAccessLog(lines),
  })
})
