/** Entry of a thread that carries requests of the mesh: a WaypointWorker that the main thread commands. */
import { workerData } from 'node:worker_threads'
import { systemClock, systemRng } from '@tulle/core'
import { turnClock } from '@tulle/l7'
import { ThreadHost } from '@tulle/runtime'
import type { WaypointSaid, WaypointSettings } from './waypoint-commands.ts'
import { WaypointWorker } from './waypoint-worker.ts'

const host = new ThreadHost<WaypointSaid>()
// Set by ThreadWaypointWorker, from the type it is read as.
const settings = workerData as WaypointSettings
host.serve(
  new WaypointWorker(settings, {
    clock: turnClock(systemClock),
    rng: systemRng,
    log: host.log({ worker: settings.index }),
    demand: (service) => host.say({ kind: 'demand', service }),
    onIdentity: (identity) => host.say({ kind: 'identity', identity }),
    onAccessLog: (lines) => host.writeAccessLog(lines),
  }),
)
