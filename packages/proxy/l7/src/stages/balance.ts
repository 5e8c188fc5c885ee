import { localReply } from '../local-reply.ts'
import type { Stage } from './stage.ts'

/** From the backend that the route chose to the endpoints behind it. Which of them is each attempt's choice. */
export const balance: Stage = (request, { clusters }) => {
  const { backend, rule } = request
  if (backend === undefined)
    return localReply(rule?.rule.noBackendStatus ?? 503, 'no_backend', { flag: 'UH', body: 'no backend' })
  const target = backend.backend
  if (target.kind === 'invalid')
    return localReply(target.status, 'invalid_backend', { flag: 'NR', body: 'the backend is not usable' })
  const cluster = clusters.clusterOf(target.service, target.port, backend.tls)
  if (cluster === undefined)
    return localReply(503, 'no_endpoints', { flag: 'UH', body: 'no endpoint is ready' })
  request.cluster = cluster
  return undefined
}
