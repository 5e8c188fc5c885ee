import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { MetricsRegistry } from '@tulle/runtime'
import type { ControlState } from '@tulle/status'

/** What the histogram counts is the time between its own timers. */
const loopResolutionMs = 10

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
  const heap = gauge('heap_bytes', 'Memory of JavaScript values in use.')
  const held = gauge('loop_held_seconds', 'Longest that the event loop was held since this was read before.')
  const delay = monitorEventLoopDelay({ resolution: loopResolutionMs })
  delay.enable()
  return () => {
    heap(process.memoryUsage().heapUsed)
    held(Math.max(0, delay.max / 1e9 - loopResolutionMs / 1000))
    delay.reset()
    revision(state.graph.revision)
    objects(state.objects.size)
    problems(state.problems.size)
    workloads(state.workloads.size)
    services(state.services.size)
    policies(state.policies.size)
    nodes(state.receipts.nodes().filter((node) => node.connected).length)
  }
}
