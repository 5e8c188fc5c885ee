import type { TrafficRecord } from '../../tests/support/agent-types.ts'

export type Policy = 'allowed' | 'refused' | 'changing'

export interface Client {
  readonly name: string
  readonly policy: Policy
}

export interface Change {
  /** Just before the save. */
  readonly beganMs: number
  /** When every node had said that it applied it. */
  readonly appliedMs: number
  /** What holds for the clients that it concerns. */
  readonly allowed: boolean
}

export interface ClientCounts {
  readonly client: string
  readonly policy: Policy
  readonly calls: number
  /** Those that one policy held for from their beginning to their end. */
  readonly judged: number
  readonly passed: number
  readonly refused: number
  readonly failedThoughAllowed: number
  readonly passedThoughRefused: number
}

/** A call that came out otherwise than policy says. */
export interface Misjudged extends TrafficRecord {
  readonly client: string
  readonly allowed: boolean
  /** Since the change before it was applied. */
  readonly afterChangeMs: number
}

interface Window {
  readonly fromMs: number
  toMs: number
  readonly allowed: boolean
}

const maxKept = 50

/** Who called when and what came of it, beside what policy said then. */
export class Ledger {
  readonly #clients: readonly Client[]
  readonly #records: Map<string, TrafficRecord[]> = new Map()
  readonly #windows: Window[] = []
  #calls: number = 0

  constructor(clients: readonly Client[]) {
    this.#clients = clients
  }

  get calls(): number {
    return this.#calls
  }

  add(client: string, records: readonly TrafficRecord[]): void {
    this.#calls += records.length
    const list = this.#records.get(client) ?? []
    for (const record of records) list.push(record)
    this.#records.set(client, list)
  }

  changed({ beganMs, appliedMs, allowed }: Change): void {
    this.ended(beganMs)
    this.#windows.push({ fromMs: appliedMs, toMs: Infinity, allowed })
  }

  /** What begins or ends after this is judged by nobody. */
  ended(atMs: number): void {
    const last = this.#windows.at(-1)
    if (last?.toMs === Infinity) last.toMs = atMs
  }

  judge(): { readonly clients: readonly ClientCounts[]; readonly misjudged: readonly Misjudged[] } {
    const misjudged: Misjudged[] = []
    const clients = this.#clients.map((client) => this.#judgeClient(client, misjudged))
    return { clients, misjudged: misjudged.slice(0, maxKept) }
  }

  #judgeClient({ name, policy }: Client, misjudged: Misjudged[]): ClientCounts {
    const counts = {
      calls: 0,
      judged: 0,
      passed: 0,
      refused: 0,
      failedThoughAllowed: 0,
      passedThoughRefused: 0,
    }
    let next = 0
    for (const record of (this.#records.get(name) ?? []).toSorted((a, b) => a.beganMs - b.beganMs)) {
      counts.calls++
      while ((this.#windows[next + 1]?.fromMs ?? Infinity) < record.beganMs) next++
      const window = this.#windows[next]
      const allowed = policy === 'changing' ? allowedIn(window, record) : policy === 'allowed'
      if (allowed === undefined) continue
      counts.judged++
      counts[record.ok ? 'passed' : 'refused']++
      if (record.ok === allowed) continue
      counts[allowed ? 'failedThoughAllowed' : 'passedThoughRefused']++
      misjudged.push({
        client: name,
        allowed,
        afterChangeMs: record.beganMs - (window?.fromMs ?? 0),
        ...record,
      })
    }
    return { client: name, policy, ...counts }
  }
}

/** Only a call that lies wholly between two changes: during one, either answer is right. */
function allowedIn(window: Window | undefined, { beganMs, endedMs }: TrafficRecord): boolean | undefined {
  if (window === undefined || beganMs <= window.fromMs || endedMs >= window.toMs) return undefined
  return window.allowed
}
