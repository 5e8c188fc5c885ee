import type { NamespaceObject, WorkloadObject } from '@tulle/api'

/** Labels that take a workload, or all of a namespace, out of the mesh. Istio's means the same. */
const labels = ['tulle.dev/dataplane-mode', 'istio.io/dataplane-mode']

/** Whether a node proxy receives for a workload: what the workload says goes before what its namespace says. */
export function isEnrolled(workload: WorkloadObject, namespace: NamespaceObject | undefined): boolean {
  const mode = modeOf(workload.metadata.labels) ?? modeOf(namespace?.metadata.labels ?? {})
  return workload.spec.hbone && mode !== 'none'
}

function modeOf(found: Readonly<Record<string, string>>): string | undefined {
  for (const label of labels) if (Object.hasOwn(found, label)) return found[label]
  return undefined
}
