/** Entry of a thread that carries requests of the mesh: a WaypointWorker that the main thread commands. */
import { systemClock, systemRng } from '@tulle/core'
import { turnClock } from '@tulle/l7'
import { ThreadHost } from '@tulle/runtime'
import type { WaypointSaid, WaypointSettings } from './waypoint-commands.ts'
import { WaypointWorker } from './waypoint-worker.ts'

const host = new ThreadHost<WaypointSaid>()
host.serve(
  (settings: WaypointSettings) =>
    new WaypointWorker(settings, {
      clock: turnClock(systemClock),
      rng: systemRng,
      log: host.log({ worker: settings.index }),
      demand: (service) => host.say({ kind: 'demand', service }),
      onIdentity: (identity) => host.say({ kind: 'identity', identity }),
      onAccessLog: (lines) => host.writeAccessLog(lines),
    }),
)
