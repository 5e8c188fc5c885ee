/**
 * The engine of the control plane: keyed collections, and what is derived from them by pure functions. It keeps
 * everything derived up to date, one transaction at a time, by running again only what looked at something
 * that changed. It knows no mesh word and does no input or output.
 *
 *     const graph = createGraph()
 *     const pods = graph.source<Pod>('pods')
 *     const zones = graph.source<Zone>('zones')
 *     const named = graph.derive('named', pods, (pod, look) => look.one(zones, pod.zone)?.name)
 *     graph.transaction(() => pods.set('a', { zone: 'east' }))
 */
export { createGraph } from './create-graph.ts'
export type { GraphOptions } from './engine.ts'
export type {
  Change,
  Collection,
  CollectionDump,
  Graph,
  GraphDump,
  Index,
  Look,
  Singleton,
  Source,
} from './collection.ts'
