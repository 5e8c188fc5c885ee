import type { Stage } from './stage.ts'

/**
 * Finds the rule and, by weight, the backend. That none was found is not told before authorization: who may not call learns
 * nothing about what there is.
 */
export const route: Stage = (request, { routes, rng }) => {
  const { service, port, namespace } = request.downstream
  request.rule = routes.portOf(service, port)?.find(request, namespace)
  request.backend = request.rule?.backends.pick(rng)
  return undefined
}
