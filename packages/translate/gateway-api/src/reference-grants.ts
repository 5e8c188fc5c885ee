import { gatewayGroup } from '@tulle/api'
import type { ApiCollections, ObjectRefSpec, ReferenceGrantObject, ReferenceGrantSpec } from '@tulle/api'
import type { Graph, Index } from '@tulle/collections'
import type { RefContext } from './backends.ts'
import { aKind } from './parents.ts'
import { problemAt } from './problem-notes.ts'
import type { FieldProblem } from './problem-notes.ts'

/** Grants by the namespace that they open. */
export function indexGrants(
  graph: Graph,
  api: Pick<ApiCollections, 'referenceGrants'>,
): Index<ReferenceGrantObject> {
  return graph.index('reference-grants-by-namespace', api.referenceGrants, ({ metadata }) => [
    metadata.namespace,
  ])
}

/**
 * A copy of requests is the one thing for which a mesh asks for a ReferenceGrant: it shows a namespace what was not sent to
 * it. @see HTTPRequestMirrorFilter.backendRef of the Gateway API
 */
export function mirrorGrantProblem(
  ref: ObjectRefSpec,
  path: string,
  context: RefContext,
): FieldProblem | undefined {
  const { route, look, grants } = context
  if (ref.namespace === route.metadata.namespace) return undefined
  if (look.by(grants, ref.namespace).some(({ spec }) => allows(spec, ref, context))) return undefined
  const message = `no ReferenceGrant in ${ref.namespace} lets ${aKind(route.kind)} of ${route.metadata.namespace} refer to Service ${ref.name}`
  return problemAt(route, path, { reason: 'RefNotPermitted', message })
}

function allows({ from, to }: ReferenceGrantSpec, ref: ObjectRefSpec, { route }: RefContext): boolean {
  const { namespace } = route.metadata
  return (
    from.some(
      (one) => one.group === gatewayGroup && one.kind === route.kind && one.namespace === namespace,
    ) &&
    to.some(
      (one) =>
        one.group === ref.group && one.kind === ref.kind && (one.name === undefined || one.name === ref.name),
    )
  )
}
