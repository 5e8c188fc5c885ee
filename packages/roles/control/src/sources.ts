import { allocations } from '@tulle/allocations'
import type { Allotted } from '@tulle/allocations'
import type { ApiCollections, Problem } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import type { Clock } from '@tulle/core'
import { filesSource } from '@tulle/files'
import type { IpRange } from '@tulle/mesh'
import type { Log } from '@tulle/runtime'
import type { Allocations } from '@tulle/workloads'

export interface SourcesOptions {
  readonly manifests: string
  readonly allocationsFile: string
  readonly workloadRange: IpRange
}

export interface SourcesDeps {
  readonly graph: Graph
  readonly clock: Clock
  readonly log: Log
}

/** Everything that the model is made of: what users wrote, and the addresses that were allotted to it. */
export interface Sources extends AsyncDisposable {
  readonly api: ApiCollections
  readonly problems: Collection<Problem>
  readonly allocations: Allocations
  /** Allots addresses to what is derived from all that. */
  readonly alsoAllot: Allotted['alsoFor']
  /** Begins to take in what changes: until then no transaction but the caller's own goes on. */
  follow(): void
  /** Reads the manifests again; the revision that holds all of it. */
  sync(): Promise<number>
}

/** Resolves when all of it has been read once. */
export async function openSources(
  options: SourcesOptions,
  deps: SourcesDeps,
  signal: AbortSignal,
): Promise<Sources> {
  const { graph, clock, log } = deps
  await using stack = new AsyncDisposableStack()
  const files = stack.use(filesSource({ path: options.manifests, graph, clock, log, signal }))
  const pause = stack.use(files.pause())
  await files.start(signal)
  await files.ready
  const { api, problems } = files
  const allotted = await allocations({
    graph,
    api,
    file: options.allocationsFile,
    log,
    workloadRange: options.workloadRange,
  })
  const held = stack.move()
  return {
    api,
    problems,
    allocations: { collection: allotted.addresses },
    alsoAllot: (derived, ownerOf) => allotted.alsoFor(derived, ownerOf),
    follow: () => pause[Symbol.dispose](),
    sync: async () => {
      await files.sync()
      return graph.revision
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
