/**
 * A mesh at half of its saturation whose policy changes every second, whose certificates live a minute and whose node
 * proxies are killed or upgraded every few minutes: what policy allows fails only where a kill explains it, what it
 * refuses never passes, and memory stays where it is.
 */
import { errorText, systemClock } from '@tulle/core'
import type { UpView } from '../../apps/tulle/src/up/up-api.ts'
import type { Agent } from '../../tests/support/agent-client.ts'
import type { Mesh } from '../../tests/support/mesh.ts'
import { MeshFolder } from '../../tests/support/mesh.ts'
import { CertificateCount } from './certificate-count.ts'
import { disturb, disturbancePlan, handoverDrain } from './disturb.ts'
import type { DisturbancePlan } from './disturb.ts'
import { Ledger } from './ledger.ts'
import { MemorySamples } from './memory-samples.ts'
import { progressLine } from './report.ts'
import { accessManifest, clients, meshNodes, soakManifests, talkers } from './soak-mesh.ts'
import { SteadyLoad } from './steady-load.ts'
import { failuresOf, missedBy, spreadOfApplied } from './verdict.ts'
import type { SoakFacts, SoakResult } from './verdict.ts'

export interface SoakOptions {
  readonly durationMs: number
  /** As `tulle up --certificate-lifetime` takes it. */
  readonly certificateLifetime: string
  /** Between two kills or upgrades; Infinity = none. */
  readonly disturbEveryMs: number
  /** The command to run the mesh with; absent: that of the checkout. */
  readonly program?: string
  /** Requests a second, where they are not to be half of what is measured first. */
  readonly perSecond?: number
  readonly onProgress?: (line: string) => void
  readonly progressEveryMs?: number
  /** Aborts to end early, with a result of what was so far. */
  readonly interrupt?: AbortSignal
}

const changeEveryMs = 1000
const collectEveryMs = 5000
const settleBeforeMs = 3000
const misjudgedSaidAtOnce = 5
/** The last one leaves time to recover. */
const noDisturbanceBeforeEndMs = 12_000

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  using folder = new MeshFolder({
    manifests: soakManifests(),
    ...(options.program === undefined ? {} : { program: options.program }),
    args: ['--certificate-lifetime', options.certificateLifetime, '--handover-drain', handoverDrain],
  })
  await using mesh = await folder.start()
  const agents = new Map<string, Agent>()
  await mesh.agent('server')
  for (const { name } of talkers) agents.set(name, await mesh.agent(name))
  const steady = await SteadyLoad.of(mesh)
  await mesh.settle()
  return await new Soak({ mesh, agents, steady }, options).run()
}

interface Parts {
  readonly mesh: Mesh
  readonly agents: ReadonlyMap<string, Agent>
  readonly steady: SteadyLoad
}

class Soak {
  readonly #mesh: Mesh
  readonly #agents: ReadonlyMap<string, Agent>
  readonly #steady: SteadyLoad
  readonly #options: SoakOptions
  readonly #ledger: Ledger = new Ledger(clients)
  readonly #memory: MemorySamples = new MemorySamples()
  readonly #certificates: CertificateCount = new CertificateCount()
  readonly #appliedMs: number[] = []
  readonly #troubles: string[] = []
  readonly #over: AbortController = new AbortController()
  #latencies: { readonly p50Us: number; readonly p99Us: number }[] = []
  #startMs: number = 0
  #kills: number = 0

  constructor({ mesh, agents, steady }: Parts, options: SoakOptions) {
    this.#mesh = mesh
    this.#agents = agents
    this.#steady = steady
    this.#options = options
  }

  async run(): Promise<SoakResult> {
    for (const agent of this.#agents.values())
      await agent.do('startTraffic', { host: 'server', port: 8080, everyMs: 40, kept: 2 })
    const saturation =
      this.#options.perSecond === undefined ? await this.#steady.saturation() : 2 * this.#options.perSecond
    const perSecond = Math.round(saturation / 2)
    await this.#steady.start(perSecond)
    await systemClock.sleep(settleBeforeMs)
    // What was before is warming up; from here on every call counts.
    for (const agent of this.#agents.values()) await agent.do('traffic', { reset: true })
    await this.#steady.take()
    this.#startMs = systemClock.monotonicMs()
    this.#say(`saturated at ${Math.round(saturation)} requests/s; from here on ${perSecond}`)
    using _end = systemClock.after(this.#options.durationMs, () => this.#end())
    this.#options.interrupt?.addEventListener('abort', () => this.#end(), { once: true })
    if (this.#options.interrupt?.aborted === true) this.#end()
    await Promise.all([this.#change(), this.#collect(), this.#disturb(), this.#progress()])
    return this.#result({ saturationPerSecond: saturation, perSecond })
  }

  /** Loops end at once; what ends from now on is judged by nobody. */
  #end(): void {
    this.#ledger.ended(systemClock.nowMs())
    this.#over.abort()
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted
  }

  /** One save a second, by turns letting `flip` in and shutting it out. */
  async #change(): Promise<void> {
    let allowed = false
    for (let i = 1; !this.#isOver; i++) {
      allowed = !allowed
      const beganMs = systemClock.nowMs()
      const savedMs = systemClock.monotonicMs()
      this.#ledger.changing(beganMs)
      this.#mesh.folder.write('access.yaml', accessManifest(allowed))
      try {
        await this.#mesh.settle()
        this.#ledger.changed({ beganMs, appliedMs: systemClock.nowMs(), allowed })
        this.#appliedMs.push(systemClock.monotonicMs() - savedMs)
      } catch (error) {
        this.#trouble(`a change: ${errorText(error)}`)
      }
      await this.#sleep(Math.max(0, i * changeEveryMs - this.#elapsedMs()))
    }
  }

  async #disturb(): Promise<void> {
    const { disturbEveryMs, durationMs } = this.#options
    if (disturbEveryMs > durationMs) return
    for (let i = 0; ; i++) {
      const atMs = (i + 1) * disturbEveryMs
      if (atMs > durationMs - noDisturbanceBeforeEndMs) return
      await this.#sleep(atMs - this.#elapsedMs())
      if (this.#isOver) return
      await this.#disturbOnce(disturbancePlan(i))
    }
  }

  async #disturbOnce(plan: DisturbancePlan): Promise<void> {
    const what = `${plan.kind} of ${plan.node}`
    this.#say(what)
    let done = false
    try {
      await disturb(this.#mesh, plan, {
        onBegin: (beganMs) => this.#ledger.disturbing(beganMs),
        onDone: (disturbance) => {
          done = true
          if (disturbance.kind === 'kill') this.#kills++
          this.#ledger.disturbed(disturbance)
        },
      })
    } catch (error) {
      if (!done) this.#ledger.notDisturbed()
      this.#trouble(`${what}: ${errorText(error)}`)
    }
  }

  async #collect(): Promise<void> {
    while (!this.#isOver) {
      await this.#sleep(collectEveryMs)
      try {
        await this.#takeCalls()
        await this.#takeMemory()
        await this.#certificates.take(this.#mesh, meshNodes)
      } catch (error) {
        // A user's Ctrl-C reaches the mesh as well, and then nobody answers any more.
        if (!this.#isOver) this.#trouble(`collecting: ${errorText(error)}`)
      }
    }
  }

  async #takeCalls(): Promise<void> {
    const untilMs = systemClock.nowMs()
    for (const [name, agent] of this.#agents)
      this.#ledger.add(name, (await agent.do('traffic', { reset: true })).records)
    for (const [name, report] of await this.#steady.take()) {
      this.#ledger.addAnswered(name, report.answered)
      for (const first of report.firstAnswers) this.#ledger.firstAnswer(name, first)
      this.#ledger.add(
        name,
        report.failures.map((call) => ({ kind: 'kept', ...call })),
      )
      this.#ledger.add(
        name,
        report.idleLosses.map((lost) => ({
          kind: 'idle',
          ...lost,
          beganMs: lost.endedMs,
          ok: false,
          error: 'cut',
        })),
      )
      const { p50Us, p99Us } = report
      if (p50Us !== null && p99Us !== null) this.#latencies.push({ p50Us, p99Us })
    }
    const before = this.#ledger.misjudged.length
    this.#ledger.settle(untilMs)
    for (const wrong of this.#ledger.misjudged.slice(before, before + misjudgedSaidAtOnce))
      this.#say(`wrong: ${JSON.stringify(wrong)}`)
  }

  async #takeMemory(): Promise<void> {
    for (const role of ['control', ...meshNodes]) {
      try {
        this.#memory.take(role, await this.#mesh.pidOf(role), this.#elapsedMs())
      } catch {
        // It was just killed; the next sample finds its successor.
      }
    }
  }

  async #progress(): Promise<void> {
    const { progressEveryMs = 60_000 } = this.#options
    while (!this.#isOver) {
      await this.#sleep(progressEveryMs)
      if (!this.#isOver) this.#say(progressLine(this.#facts({ saturationPerSecond: 0, perSecond: 0 })))
    }
  }

  #facts(rates: Pick<SoakFacts, 'saturationPerSecond' | 'perSecond'>): SoakFacts {
    return {
      ...rates,
      durationMs: this.#elapsedMs(),
      plannedMs: this.#options.durationMs,
      changes: this.#appliedMs.length,
      appliedMs: spreadOfApplied(this.#appliedMs),
      latencies: this.#latencies,
      clients: this.#ledger.clients(),
      disturbances: this.#ledger.disturbances(),
      misjudged: this.#ledger.misjudged,
      certificates: this.#certificates.counts(),
      memory: this.#memory.byRole(),
      troubles: this.#troubles,
    }
  }

  async #result(rates: Pick<SoakFacts, 'saturationPerSecond' | 'perSecond'>): Promise<SoakResult> {
    const facts = this.#facts(rates)
    const unexpected = await this.#unexpectedRestarts().catch(() => 0)
    if (unexpected > 0)
      this.#troubles.push(`${unexpected} processes had to be started again that nobody killed`)
    return { ...facts, failures: failuresOf(facts), missed: missedBy(facts) }
  }

  async #unexpectedRestarts(): Promise<number> {
    const { nodes, workloads } = await this.#mesh.up.get<UpView>('/v1/up')
    return [...nodes, ...workloads].reduce((sum, { restarts }) => sum + restarts, 0) - this.#kills
  }

  #trouble(text: string): void {
    if (this.#isOver) return
    this.#say(`trouble: ${text}`)
    if (this.#troubles.length < 100) this.#troubles.push(text)
  }

  #say(text: string): void {
    const seconds = Math.round(this.#elapsedMs() / 1000)
    this.#options.onProgress?.(`${String(seconds).padStart(5)} s  ${text}`)
  }

  #sleep(ms: number): Promise<void> {
    return systemClock.sleep(Math.max(0, ms), { signal: this.#over.signal }).catch(() => undefined)
  }

  #elapsedMs(): number {
    return systemClock.monotonicMs() - this.#startMs
  }
}
