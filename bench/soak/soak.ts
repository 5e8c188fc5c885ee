/**
 * A mesh under traffic whose policy changes every second and whose certificates live a minute: what policy allows
 * must never fail, what it refuses must never pass, and memory must stay where it is.
 */
import { systemClock } from '@tulle/core'
import type { Agent } from '../../tests/support/agent-client.ts'
import type { TrafficRecord } from '../../tests/support/agent-types.ts'
import { labManifests, meshManifest, targetManifest } from '../../tests/support/lab.ts'
import type { Mesh } from '../../tests/support/mesh.ts'
import { MeshFolder } from '../../tests/support/mesh.ts'
import { CertificateCount } from './certificate-count.ts'
import { Ledger } from './ledger.ts'
import type { ClientCounts, Misjudged } from './ledger.ts'
import { MemorySamples } from './memory-samples.ts'
import type { RoleMemory } from './memory-samples.ts'

export interface SoakOptions {
  readonly durationMs: number
  /** As `tulle up --certificate-lifetime` takes it. */
  readonly certificateLifetime: string
  readonly onProgress?: (line: string) => void
}

export interface SoakResult {
  readonly durationMs: number
  readonly changes: number
  /** From the save to the last node's receipt. */
  readonly appliedMs: { readonly median: number; readonly worst: number }
  readonly clients: readonly ClientCounts[]
  readonly misjudged: readonly Misjudged[]
  readonly certificates: { readonly identities: number; readonly issued: number }
  readonly memory: readonly RoleMemory[]
  readonly restarts: number
  /** Why the verdict is no; nothing when it held. */
  readonly failures: readonly string[]
}

const changeEveryMs = 1000
const collectEveryMs = 5000
const settleBeforeMs = 3000

/** On the server's node and on the other one; `flip` changes sides every second. */
const clients = [
  { name: 'friend', node: 'node-1', policy: 'allowed' },
  { name: 'neighbour', node: 'node-2', policy: 'allowed' },
  { name: 'stranger', node: 'node-1', policy: 'refused' },
  { name: 'flip', node: 'node-1', policy: 'changing' },
] as const
const alwaysAllowed = clients.filter(({ policy }) => policy === 'allowed').map(({ name }) => name)

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  using folder = new MeshFolder({
    manifests: {
      'mesh.yaml': meshManifest({ mtls: 'permissive', access: 'enforce-selected' }),
      'access.yaml': targetManifest('server', alwaysAllowed),
      ...labManifests([{ name: 'server', node: 'node-2' }, ...clients]),
    },
    args: ['--certificate-lifetime', options.certificateLifetime],
  })
  await using mesh = await folder.start()
  const agents = new Map<string, Agent>()
  for (const { name } of [{ name: 'server' }, ...clients]) agents.set(name, await mesh.agent(name))
  await mesh.settle()
  return await new Soak(mesh, agents, options).run()
}

class Soak {
  readonly #mesh: Mesh
  readonly #agents: ReadonlyMap<string, Agent>
  readonly #options: SoakOptions
  readonly #ledger: Ledger = new Ledger(clients)
  readonly #memory: MemorySamples = new MemorySamples()
  readonly #certificates: CertificateCount = new CertificateCount()
  readonly #appliedMs: number[] = []
  #startMs: number = 0

  constructor(mesh: Mesh, agents: ReadonlyMap<string, Agent>, options: SoakOptions) {
    this.#mesh = mesh
    this.#agents = agents
    this.#options = options
  }

  async run(): Promise<SoakResult> {
    for (const { name } of clients)
      await this.#agents.get(name)?.do('startTraffic', { host: 'server', port: 8080, everyMs: 40, kept: 2 })
    await systemClock.sleep(settleBeforeMs)
    // What was before is warming up; from here on every call counts.
    for (const { name } of clients) await this.#agents.get(name)?.do('traffic', { reset: true })
    this.#startMs = systemClock.monotonicMs()
    const over = new AbortController()
    const collecting = this.#collect(over.signal)
    await this.#change()
    over.abort()
    await collecting
    return this.#result()
  }

  /** One save a second, by turns letting `flip` in and shutting it out. */
  async #change(): Promise<void> {
    let allowed = false
    for (let i = 1; this.#elapsedMs() < this.#options.durationMs; i++) {
      allowed = !allowed
      const beganMs = systemClock.nowMs()
      const savedMs = systemClock.monotonicMs()
      this.#mesh.folder.write(
        'access.yaml',
        targetManifest('server', allowed ? [...alwaysAllowed, 'flip'] : alwaysAllowed),
      )
      await this.#mesh.settle()
      this.#ledger.changed({ beganMs, appliedMs: systemClock.nowMs(), allowed })
      this.#appliedMs.push(systemClock.monotonicMs() - savedMs)
      await systemClock.sleep(Math.max(0, i * changeEveryMs - this.#elapsedMs()))
    }
    this.#ledger.ended(systemClock.nowMs())
  }

  async #collect(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await this.#take('traffic')
      await this.#memory.take(this.#mesh)
      await this.#certificates.take(this.#mesh)
      this.#options.onProgress?.(this.#progress())
      await systemClock.sleep(collectEveryMs, { signal: over }).catch(() => undefined)
    }
    await this.#take('stopTraffic')
  }

  async #take(verb: 'traffic' | 'stopTraffic'): Promise<void> {
    for (const { name } of clients) {
      const records: readonly TrafficRecord[] =
        (verb === 'traffic'
          ? await this.#agents.get(name)?.do('traffic', { reset: true })
          : await this.#agents.get(name)?.do('stopTraffic', {})
        )?.records ?? []
      this.#ledger.add(name, records)
    }
  }

  async #result(): Promise<SoakResult> {
    const { clients: counts, misjudged } = this.#ledger.judge()
    const { nodes, workloads } = await this.#mesh.up.get<{
      readonly nodes: readonly { readonly restarts: number }[]
      readonly workloads: readonly { readonly restarts: number }[]
    }>('/v1/up')
    const sorted = this.#appliedMs.toSorted((a, b) => a - b)
    const result = {
      durationMs: this.#elapsedMs(),
      changes: this.#appliedMs.length,
      appliedMs: { median: sorted[Math.floor(sorted.length / 2)] ?? 0, worst: sorted.at(-1) ?? 0 },
      clients: counts,
      misjudged,
      certificates: this.#certificates.counts(),
      memory: this.#memory.byRole(),
      restarts: [...nodes, ...workloads].reduce((sum, { restarts }) => sum + restarts, 0),
    }
    return { ...result, failures: failuresOf(result) }
  }

  #elapsedMs(): number {
    return systemClock.monotonicMs() - this.#startMs
  }

  #progress(): string {
    const wrong = this.#ledger.judge().misjudged.length
    return `${Math.round(this.#elapsedMs() / 1000)} s  ${this.#appliedMs.length} changes  ${this.#ledger.calls} calls  ${wrong} wrong  ${this.#memory.latest()}`
  }
}

/** Memory is judged from the middle on: caches and code fill first, and a short run never gets past that. */
const memoryJudgedFromMs = 5 * 60_000
const memoryGrowth = 1.15

function failuresOf(result: Omit<SoakResult, 'failures'>): readonly string[] {
  const wrong = result.clients.filter(
    ({ failedThoughAllowed, passedThoughRefused }) => failedThoughAllowed + passedThoughRefused > 0,
  )
  const grown =
    result.durationMs < memoryJudgedFromMs
      ? []
      : result.memory.filter(({ middleBytes, endBytes }) => endBytes > middleBytes * memoryGrowth)
  const idle = result.clients.filter(({ judged }) => judged === 0)
  return [
    ...wrong.map(
      (one) =>
        `${one.client}: ${one.failedThoughAllowed} failed though allowed, ${one.passedThoughRefused} passed though refused`,
    ),
    ...idle.map(({ client }) => `${client}: no call was judged`),
    ...grown.map(({ role }) => `${role}: memory grows`),
    ...(result.restarts > 0 ? [`${result.restarts} processes had to be started again`] : []),
    ...(result.certificates.issued <= result.certificates.identities ? ['no certificate was rotated'] : []),
  ]
}
