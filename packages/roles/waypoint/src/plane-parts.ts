import { adminServer, json, metricsReply } from '@tulle/runtime'
import type { AdminReply, AdminRequest, AdminRoute, Component, Log, MergedMetrics } from '@tulle/runtime'
import type { WaypointRoleDeps } from './waypoint-role.ts'

/** A data path as its process sees it, in the mesh or by a file. */
export interface Drainable extends AsyncDisposable {
  /** Resolves with how many requests were cut off. */
  drain(deadlineMs: number): Promise<number>
}

/** The data path as a part of the process. */
export function dataPath(plane: Drainable, log: Log, start: () => Promise<void>): Component {
  return {
    start,
    drain: async (deadlineMs) => {
      const cut = await plane.drain(deadlineMs)
      if (cut > 0) log.warn('requests were cut off', { requests: cut })
    },
    [Symbol.asyncDispose]: async () => {
      await plane[Symbol.asyncDispose]()
    },
  }
}

export function metricsRoutes(metrics: () => Promise<MergedMetrics>): readonly AdminRoute[] {
  const handle = async (request: AdminRequest): Promise<AdminReply> => {
    const all = await metrics()
    return metricsReply(request, (format) => all.text(format))
  }
  return ['/metrics', '/stats/prometheus'].map((path) => ({ method: 'GET', path, handle }))
}

export function healthRoute(isReady: () => boolean): AdminRoute {
  const handle = (): AdminReply => {
    const [status, text] = isReady() ? [200, 'ready\n'] : [500, 'not ready\n']
    return { kind: 'text', status, contentType: 'text/plain', text: [text] }
  }
  return { method: 'GET', path: '/healthz/ready', handle }
}

export function quitRoute({ requestStop }: Pick<WaypointRoleDeps, 'requestStop'>): AdminRoute {
  const handle = (): AdminReply => {
    requestStop('quitquitquit')
    return json({ draining: true })
  }
  return { method: 'POST', path: '/quitquitquit', handle }
}

/** A server at a port, but for port 0. */
export function serverAt(
  listen: { readonly host: string; readonly port: number },
  routes: readonly AdminRoute[],
  { clock, log }: Pick<WaypointRoleDeps, 'clock' | 'log'>,
): readonly Component[] {
  return listen.port === 0 ? [] : [adminServer({ listen, routes }, { clock, log })]
}
