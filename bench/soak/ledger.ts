import type { CallRecord } from '../../apps/tulle/src/bench/load/constant-rate.ts'
import type { Client } from './soak-mesh.ts'

export interface Call extends CallRecord {
  /** `idle`: no call at all, but a connection that ended while nothing was under way on it. */
  readonly kind: 'new' | 'kept' | 'idle'
}

export interface Change {
  /** Just before the save. */
  readonly beganMs: number
  /** When every node had said that it applied it. */
  readonly appliedMs: number
  /** What holds for the clients that it concerns. */
  readonly allowed: boolean
}

export interface Disturbance {
  readonly kind: 'kill' | 'upgrade'
  readonly node: string
  /** Just before the signal, or the command. */
  readonly beganMs: number
  /** When the old process was gone, or the new one had taken over. */
  readonly doneMs: number
  /** How long the connections of an upgraded process may stay open from then on. */
  readonly drainMs: number
}

/** What excuses a failed call of a client that policy allows. */
export const excuses = ['atKill', 'whileAway', 'atDrainDeadline'] as const
/**
 * `atKill`: its connection existed when a proxy on its way was killed. `whileAway`: begun between the kill and the
 * moment when every client that passes the proxy, and may, had been answered again. `atDrainDeadline`: its connection was older than an upgrade, and cut when the old
 * process's time was over.
 */
export type Excuse = (typeof excuses)[number]

export interface ClientCounts extends Readonly<Record<Excuse, number>> {
  readonly client: string
  readonly policy: Client['policy']
  readonly calls: number
  /** Those that one policy held for from their beginning to their end. */
  readonly judged: number
  readonly passed: number
  readonly refused: number
  readonly connectionsLost: number
  readonly failedThoughAllowed: number
  readonly passedThoughRefused: number
}

export interface DisturbanceResult extends Disturbance, Readonly<Record<Excuse, number>> {
  /** Until every client that passes the node and may call was answered again; undefined = not within 30 s. */
  readonly recoveredMs: number | undefined
}

/** A call that came out otherwise than policy says, without an excuse. */
export interface Misjudged extends Call {
  readonly client: string
  readonly allowed: boolean
  /** Since the change before it was applied. */
  readonly afterChangeMs: number
  /** Since the last disturbance began; negative where it began before. */
  readonly afterDisturbanceMs: number
}

interface Window {
  readonly fromMs: number
  toMs: number
  readonly allowed: boolean
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

interface Disturbed {
  readonly disturbance: Disturbance
  readonly servedAgainMs: Map<string, number>
  readonly waitsFor: readonly string[]
  readonly counts: Record<Excuse, number>
  over: boolean
}

interface Account {
  readonly client: Client
  readonly counts: Mutable<ClientCounts>
  pending: Call[]
}

const maxMisjudgedKept = 50
const recoveredWithinMs = 30_000
/** How much later than its deadline a cut is noticed on a busy machine. */
const drainLateMs = 3000
/** A cut connection is noticed at its next call. */
const noticedWithinMs = 250
/** Nothing is judged so late that an older change could matter. */
const windowsKeptMs = 120_000

/** Who called when and what came of it, beside what policy said then and what was killed or upgraded. */
export class Ledger {
  readonly #accounts: Map<string, Account> = new Map()
  readonly #disturbed: Disturbed[] = []
  readonly #misjudged: Misjudged[] = []
  #windows: Window[] = []
  #changingSinceMs: number = Infinity
  #disturbingSinceMs: number = Infinity
  #endedMs: number = Infinity

  constructor(clients: readonly Client[]) {
    for (const client of clients)
      this.#accounts.set(client.name, { client, counts: zero(client), pending: [] })
  }

  get misjudged(): readonly Misjudged[] {
    return this.#misjudged
  }

  /** They are judged by `settle`, when it is known what held meanwhile. */
  add(client: string, calls: readonly Call[]): void {
    const account = this.#accounts.get(client)
    if (account === undefined) return
    for (const call of calls) {
      if (call.endedMs > this.#endedMs) continue
      account.pending.push(call)
      if (call.kind === 'new' && call.ok) this.firstAnswer(client, call)
    }
  }

  /** Answers of a client that policy always allows: there is nothing to judge about each. */
  addAnswered(client: string, count: number): void {
    const counts = this.#accounts.get(client)?.counts
    if (counts === undefined) return
    counts.calls += count
    counts.judged += count
    counts.passed += count
  }

  /** A new connection of the client was answered: what was disturbed before serves it again. */
  firstAnswer(client: string, { openedMs, endedMs }: Pick<Call, 'openedMs' | 'endedMs'>): void {
    for (const { disturbance, servedAgainMs } of this.#disturbed) {
      if (openedMs > disturbance.doneMs)
        servedAgainMs.set(client, Math.min(endedMs, servedAgainMs.get(client) ?? Infinity))
    }
  }

  changing(beganMs: number): void {
    this.#changingSinceMs = beganMs
    this.#closeWindow(beganMs)
  }

  changed({ beganMs, appliedMs, allowed }: Change): void {
    this.#closeWindow(beganMs)
    this.#changingSinceMs = Infinity
    this.#windows.push({ fromMs: appliedMs, toMs: Infinity, allowed })
    this.#windows = this.#windows.filter(({ toMs }) => toMs > appliedMs - windowsKeptMs)
  }

  disturbing(beganMs: number): void {
    this.#disturbingSinceMs = beganMs
  }

  /** It failed before it did anything. */
  notDisturbed(): void {
    this.#disturbingSinceMs = Infinity
  }

  disturbed(disturbance: Disturbance): void {
    this.#disturbingSinceMs = Infinity
    const waitsFor = [...this.#accounts.values()]
      .filter(({ client }) => client.policy === 'allowed' && client.passes.includes(disturbance.node))
      .map(({ client }) => client.name)
    const counts = { atKill: 0, whileAway: 0, atDrainDeadline: 0 }
    this.#disturbed.push({ disturbance, servedAgainMs: new Map(), waitsFor, counts, over: false })
  }

  /** What ends after this is judged by nobody. */
  ended(atMs: number): void {
    this.#endedMs = Math.min(atMs, this.#endedMs)
    this.#closeWindow(atMs)
  }

  /** Judges the calls that ended before `untilMs`: all of those must have been added. */
  settle(untilMs: number): void {
    const open = this.#disturbed.filter((one) => !isOver(one, untilMs))
    const limitMs = Math.min(
      untilMs,
      this.#endedMs,
      this.#changingSinceMs,
      this.#disturbingSinceMs,
      ...open.map(({ disturbance }) => disturbance.beganMs),
    )
    for (const account of this.#accounts.values()) {
      const due = account.pending.filter(({ endedMs }) => endedMs <= limitMs)
      account.pending = account.pending.filter(({ endedMs }) => endedMs > limitMs)
      for (const call of due) this.#judge(account, call)
    }
  }

  clients(): readonly ClientCounts[] {
    return [...this.#accounts.values()].map(({ counts }) => ({ ...counts }))
  }

  disturbances(): readonly DisturbanceResult[] {
    return this.#disturbed.map((one) => {
      const servedMs = servedByAllMs(one)
      const recoveredMs = servedMs === undefined ? undefined : servedMs - one.disturbance.beganMs
      return { ...one.disturbance, ...one.counts, recoveredMs }
    })
  }

  #closeWindow(atMs: number): void {
    const last = this.#windows.at(-1)
    if (last?.toMs === Infinity) last.toMs = atMs
  }

  #judge({ client, counts }: Account, call: Call): void {
    if (call.kind !== 'idle') counts.calls++
    const window = this.#windows.findLast(({ fromMs }) => fromMs < call.beganMs)
    const allowed = client.policy === 'changing' ? allowedIn(window, call) : client.policy === 'allowed'
    if (allowed === undefined) return
    if (call.kind !== 'idle') {
      counts.judged++
      counts[call.ok ? 'passed' : 'refused']++
    }
    if (call.ok === allowed) return
    if (allowed && this.#excused(client, counts, call)) return
    if (call.kind === 'idle') counts.connectionsLost++
    else counts[allowed ? 'failedThoughAllowed' : 'passedThoughRefused']++
    const afterChangeMs = call.beganMs - (window?.fromMs ?? 0)
    this.#keepMisjudged({ client: client.name, allowed, afterChangeMs, ...call })
  }

  #keepMisjudged(wrong: Omit<Misjudged, 'afterDisturbanceMs'>): void {
    if (this.#misjudged.length >= maxMisjudgedKept) return
    const last = this.#disturbed.findLast(({ disturbance }) => disturbance.beganMs < wrong.endedMs)
    const afterDisturbanceMs = wrong.beganMs - (last?.disturbance.beganMs ?? wrong.beganMs)
    this.#misjudged.push({ ...wrong, afterDisturbanceMs })
  }

  #excused(client: Client, counts: Mutable<ClientCounts>, call: Call): boolean {
    for (const one of this.#disturbed.toReversed()) {
      if (!client.passes.includes(one.disturbance.node)) continue
      const excuse = excuseOf(one, call)
      if (excuse === undefined) continue
      if (call.kind !== 'idle') {
        counts[excuse]++
        one.counts[excuse]++
      }
      return true
    }
    return false
  }
}

function zero({ name, policy }: Client): Mutable<ClientCounts> {
  return {
    client: name,
    policy,
    calls: 0,
    judged: 0,
    passed: 0,
    refused: 0,
    atKill: 0,
    whileAway: 0,
    atDrainDeadline: 0,
    connectionsLost: 0,
    failedThoughAllowed: 0,
    passedThoughRefused: 0,
  }
}

function isOver(one: Disturbed, nowMs: number): boolean {
  one.over ||= servedByAllMs(one) !== undefined || nowMs > one.disturbance.doneMs + recoveredWithinMs
  return one.over
}

/** When the last of those that may call was answered again; undefined while one is not. */
function servedByAllMs({ servedAgainMs, waitsFor }: Disturbed): number | undefined {
  const served = waitsFor.map((client) => servedAgainMs.get(client)).filter((ms) => ms !== undefined)
  return served.length < waitsFor.length ? undefined : Math.max(...served)
}

function excuseOf(one: Disturbed, call: Call): Excuse | undefined {
  const { kind, beganMs, doneMs, drainMs } = one.disturbance
  if (call.endedMs < beganMs) return undefined
  if (kind === 'upgrade') {
    // The old process begins to drain at some moment between the two, before it is heard that another one took over.
    const atDeadline = call.endedMs >= beganMs + drainMs && call.endedMs < doneMs + drainMs + drainLateMs
    return call.openedMs <= doneMs && atDeadline ? 'atDrainDeadline' : undefined
  }
  const servedMs = servedByAllMs(one) ?? doneMs + recoveredWithinMs
  if (call.beganMs > Math.max(servedMs, doneMs + noticedWithinMs)) return undefined
  if (call.openedMs <= doneMs) return 'atKill'
  return call.openedMs <= servedMs ? 'whileAway' : undefined
}

/**
 * Only a call that lies wholly between two changes: during one, either answer is right. That a kept connection was
 * cut is noticed a little later.
 */
function allowedIn(window: Window | undefined, call: Call): boolean | undefined {
  const fromMs = call.beganMs - (call.ok || call.kind === 'new' ? 0 : noticedWithinMs)
  if (window === undefined || fromMs <= window.fromMs || call.endedMs >= window.toMs) return undefined
  return window.allowed
}
