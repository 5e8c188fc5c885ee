import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { hbonePort, inboundPlaintextPort, outboundPort } from '@tulle/hbone'
import { closeFd, KeeperClient } from '@tulle/kernel'
import type { KeptSocket, ZdsWorkload } from '@tulle/kernel'
import type { DataPlane, ListenerRole, ListeningSocket } from '@tulle/l4'
import type { Log } from '@tulle/runtime'
import { onlyOf } from './sockets-of.ts'

export interface KeptSocketsOptions {
  /** Where the keeper listens. */
  readonly path: string
  readonly node: string
}

export interface KeptSocketsDeps {
  readonly dataPlane: Pick<DataPlane, 'addWorkload' | 'adoptListeners' | 'release' | 'exportListeners'>
  readonly clock: Clock
  readonly log: Log
}

/** How soon a keeper that is gone is looked for again. */
const retryMs = 5000
const roles: readonly ListenerRole[] = ['outbound', 'hbone', 'plaintext']
/** What the redirection rules expect, whatever the keeper says. */
const ports: Readonly<Record<ListenerRole, number>> = {
  outbound: outboundPort,
  hbone: hbonePort,
  plaintext: inboundPlaintextPort,
}

/**
 * Serves workloads from the sockets that a keeper has of the process before, and gives it those that are open now, so
 * that what comes while no process is there waits for the next one. Without a keeper it serves all the same.
 */
export class KeptSockets implements Disposable {
  readonly #options: KeptSocketsOptions
  readonly #deps: KeptSocketsDeps
  readonly #served: Set<string> = new Set()
  readonly #retrying: Disposable
  #connection: KeeperClient | undefined
  #connecting: Promise<KeeperClient | undefined> | undefined
  #over: boolean = false

  constructor(options: KeptSocketsOptions, deps: KeptSocketsDeps) {
    this.#options = options
    this.#deps = deps
    this.#retrying = deps.clock.every(retryMs, () => void this.#bringBack())
  }

  /**
   * Resolves when the workload is listened for. Rejects where the keeper is there and does not answer: listeners that
   * are opened beside sockets which nobody accepts from would lose what comes there.
   */
  async serve(workload: ZdsWorkload): Promise<void> {
    const { dataPlane } = this.#deps
    await dataPlane.addWorkload({ ...workload, held: true })
    // State and certificate are there: from here on whatever waits is judged.
    const kept = await (await this.#connect())?.take(workload.uid)
    const sockets = onlyOf(workload, toListeners(kept ?? []), this.#deps.log)
    await dataPlane.adoptListeners(workload.uid, sockets)
    await dataPlane.release(workload.uid)
    // Nobody waits for this: the next workload has its turn.
    void this.bring(workload.uid)
  }

  /** Gives the keeper what is listened on for the workload, in the place of all that it has. */
  async bring(uid: string): Promise<void> {
    this.#served.add(uid)
    try {
      const connection = await this.#connect()
      if (connection !== undefined) await this.#bring(connection, uid)
    } catch (error) {
      this.#warn(error, uid)
    }
  }

  async forget(uid: string): Promise<void> {
    this.#served.delete(uid)
    await this.#connection?.drop(uid).catch((error: unknown) => this.#warn(error, uid))
  }

  /** What is kept stays kept: whether it is in use is another process's to say from here on. */
  [Symbol.dispose](): void {
    this.#over = true
    this.#retrying[Symbol.dispose]()
    this.#connection?.[Symbol.dispose]()
  }

  async #bring(connection: KeeperClient, uid: string): Promise<void> {
    const sockets = await this.#deps.dataPlane.exportListeners(uid)
    try {
      // A process that drains has closed its own; that is no reason to let go of those that are kept.
      if (this.#over || sockets.length === 0 || !this.#served.has(uid)) return
      const labelled = sockets.map(({ role: label, fd }): KeptSocket => ({ label, fd }))
      await connection.keep(uid, labelled)
    } finally {
      for (const { fd } of sockets) closeFd(fd)
    }
  }

  /** A keeper that was started again has nothing. */
  async #bringBack(): Promise<void> {
    if (this.#over || this.#connection !== undefined) return
    for (const uid of this.#served) await this.bring(uid)
  }

  /** Undefined where there is no keeper. */
  async #connect(): Promise<KeeperClient | undefined> {
    if (this.#over || this.#connection !== undefined) return this.#connection
    const { clock } = this.#deps
    this.#connecting ??= KeeperClient.connect({ ...this.#options, clock })
    try {
      const connection = await this.#connecting
      this.#use(connection)
      return connection
    } finally {
      this.#connecting = undefined
    }
  }

  #use(connection: KeeperClient | undefined): void {
    if (connection === undefined || connection === this.#connection) return
    this.#connection = connection
    void connection.ended.then(() => {
      if (this.#connection === connection) this.#connection = undefined
    })
    if (this.#over) connection[Symbol.dispose]()
  }

  #warn(error: unknown, uid: string): void {
    if (this.#over) return
    this.#deps.log.warn('listening sockets are not kept for when this process ends', {
      workload: uid,
      error: errorText(error),
    })
  }
}

/** Whatever is labelled otherwise is no socket of ours, and closed. */
function toListeners(kept: readonly KeptSocket[]): readonly ListeningSocket[] {
  return kept.flatMap(({ label, fd }, worker) => {
    const role = roles.find((known) => known === label)
    if (role !== undefined) return [{ role, worker, address: { ip: '', port: ports[role] }, fd }]
    closeFd(fd)
    return []
  })
}
