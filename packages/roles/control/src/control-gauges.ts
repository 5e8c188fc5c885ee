import type { MetricsRegistry } from '@tulle/runtime'
import type { ControlState } from '@tulle/status'

/** The sizes of what the control plane holds; the function brings them up to date. */
export function controlGauges(metrics: MetricsRegistry, state: ControlState): () => void {
  const gauge = (name: string, help: string): ((value: number) => void) => {
    const child = metrics.gauge(`tulle_control_${name}`, help, []).bind()
    return (value) => child.set(value)
  }
  const revision = gauge('revision', 'Transactions that changed anything.')
  const objects = gauge('objects', 'Objects that users wrote.')
  const problems = gauge('problems', 'Documents, or parts of one, that were not accepted or warned of.')
  const workloads = gauge('workloads', 'Workloads of the mesh.')
  const services = gauge('services', 'Services of the mesh.')
  const policies = gauge('policies', 'Policies served.')
  const nodes = gauge('nodes', 'Connected node proxies.')
  return () => {
    revision(state.graph.revision)
    objects(state.objects.size)
    problems(state.problems.size)
    workloads(state.workloads.size)
    services(state.services.size)
    policies(state.policies.size)
    nodes(state.receipts.nodes().filter((node) => node.connected).length)
  }
}
