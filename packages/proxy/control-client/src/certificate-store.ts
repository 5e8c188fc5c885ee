import { Backoff, compareText, errorText, linkedController } from '@tulle/core'
import type { Clock, LinkedController, Rng } from '@tulle/core'
import { noRevocations } from '@tulle/identity'
import type { DomainBundle, Revocations, SpiffeId, TrustBundle } from '@tulle/identity'
import type { Component, Log } from '@tulle/runtime'
import { createCsr, csrPem, generateKeyPair, keyPem } from '@tulle/x509'
import { Bundles } from './certificate-bundles.ts'
import { checkCertificate } from './certificate-check.ts'
import { CertificateError } from './certificate-errors.ts'
import { CertificateFolder } from './certificate-folder.ts'
import type { HeldCertificate } from './certificate-folder.ts'
import type {
  CaClient,
  CertificateSource,
  CertificateStatus,
  WorkloadCertificate,
} from './certificate-types.ts'
import { ToldRoots } from './told-roots.ts'

export interface CertificateStoreOptions {
  /** Disposed with the store. */
  readonly caClient: CaClient
  /** Where certificates survive a restart: on tmpfs, for this process alone. Absent: nowhere. */
  readonly folder?: string
  /** Roots of other trust domains. */
  readonly foreignBundles?: TrustBundle
  /** The lifetime to ask for; 24 h when absent. The CA may give less. */
  readonly ttlMs?: number
  readonly requestTimeoutMs?: number
}

export interface CertificateStoreDeps {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
}

const defaultTtlMs = 86_400_000
const defaultTimeoutMs = 10_000
/** As ztunnel's: 8 at a time, pauses of 0.5–1 s doubling up to 150 s. */
const maxParallel = 8
const backoffOptions = { firstMs: 1000, maxMs: 150_000 }
/** A renewal comes at half life, up to a tenth of the life earlier or later, so that a node's are not all at once. */
const renewalSpread = 0.1
/** Kept certificates that nobody wants for so long after a start are removed. */
const claimMs = 600_000
/** The clock may jump, so a timer looks again after so long. */
const maxNapMs = 60_000
const minPauseMs = 500
/** When the signer changes, all nodes renew at once: spread over so much of a certificate's life, at most so long. */
const resignShare = 0.02
const maxResignMs = 30_000

interface Entry {
  readonly identity: SpiffeId
  readonly backoff: Backoff
  wants: number
  held: HeldCertificate | undefined
  /** What was made of `held` and the bundle. */
  certificate: WorkloadCertificate | undefined
  dueMs: number
  lastError: string | undefined
  running: LinkedController | undefined
}

/**
 * Keeps a valid certificate for each identity that is wanted. Keys are made here and never leave but to workers
 * and the folder. An entry's way: waiting → requesting → available → (half life) requesting → available …; a
 * failed request leaves the certificate in hand in force until it expires, and is repeated after a pause.
 */
export class CertificateStore implements CertificateSource, Component {
  readonly name: string = 'certificates'
  readonly #options: CertificateStoreOptions
  readonly #deps: CertificateStoreDeps
  readonly #folder: CertificateFolder | undefined
  readonly #bundles: Bundles
  readonly #entries: Map<SpiffeId, Entry> = new Map()
  /** Loaded at start and not yet wanted. */
  readonly #spare: Map<SpiffeId, HeldCertificate> = new Map()
  readonly #watchers: Set<(list: readonly WorkloadCertificate[]) => void> = new Set()
  readonly #end: AbortController = new AbortController()
  #told: ToldRoots = new ToldRoots()
  #revocations: Revocations = noRevocations
  #running: number = 0
  #started: boolean = false
  #claimUntilMs: number = 0
  #timer: Disposable | undefined
  #announced: readonly WorkloadCertificate[] = []
  #announcing: boolean = false

  constructor(options: CertificateStoreOptions, deps: CertificateStoreDeps) {
    this.#options = options
    this.#deps = deps
    this.#folder = options.folder === undefined ? undefined : new CertificateFolder(options.folder, deps.log)
    this.#bundles = new Bundles(options.foreignBundles ?? { roots: new Map() })
  }

  get current(): readonly WorkloadCertificate[] {
    return [...this.#entries.values()]
      .flatMap((entry) => entry.certificate ?? [])
      .toSorted((a, b) => compareText(a.identity, b.identity))
  }

  get status(): readonly CertificateStatus[] {
    return [...this.#entries.values()].map(statusOf).toSorted((a, b) => compareText(a.identity, b.identity))
  }

  subscribe(onChange: (list: readonly WorkloadCertificate[]) => void): Disposable {
    this.#watchers.add(onChange)
    return { [Symbol.dispose]: () => void this.#watchers.delete(onChange) }
  }

  /** Reads what the folder kept; then asks the CA for what is missing. Doesn't wait for the CA. */
  async start(_signal: AbortSignal): Promise<void> {
    const nowMs = this.#deps.clock.nowMs()
    for (const held of (await this.#folder?.load(nowMs)) ?? []) {
      this.#bundles.take(held.identity, held.rootsPem, held.obtainedMs)
      const entry = this.#entries.get(held.identity)
      if (entry === undefined) this.#spare.set(held.identity, held)
      else this.#hold(entry, held)
    }
    this.#claimUntilMs = nowMs + claimMs
    this.#started = true
    this.#pump()
  }

  /** Certificates stay in force while connections drain. */
  async drain(): Promise<void> {
    await this.#folder?.settled()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#started = false
    this.#timer?.[Symbol.dispose]()
    this.#end.abort(new Error('the certificate store has ended'))
    this.#options.caClient[Symbol.dispose]()
    await this.#folder?.settled()
  }

  /** One more holder needs this identity. Each `want` has its `release`. */
  want(identity: SpiffeId): void {
    const known = this.#entries.get(identity)
    if (known !== undefined) {
      known.wants++
      return
    }
    const entry: Entry = {
      identity,
      backoff: new Backoff(backoffOptions, this.#deps.rng),
      wants: 1,
      held: undefined,
      certificate: undefined,
      dueMs: this.#deps.clock.nowMs(),
      lastError: undefined,
      running: undefined,
    }
    this.#entries.set(identity, entry)
    const spare = this.#spare.get(identity)
    this.#spare.delete(identity)
    if (spare !== undefined) this.#hold(entry, spare)
    this.#pump()
  }

  /** One holder less; with the last one the certificate and its key go, from the folder too. */
  release(identity: SpiffeId): void {
    const entry = this.#entries.get(identity)
    if (entry === undefined || --entry.wants > 0) return
    this.#entries.delete(identity)
    entry.running?.abort(new Error('released'))
    void this.#folder?.remove(identity)
    this.#announce()
  }

  /** Renews everything, spread over so long: after a change of roots, or to show that it works. */
  refresh(spreadMs: number = 0): void {
    const nowMs = this.#deps.clock.nowMs()
    for (const entry of this.#entries.values()) entry.dueMs = nowMs + this.#deps.rng.next() * spreadMs
    this.#pump()
  }

  /**
   * All that the control plane says of trust domains. A certificate that another root signed than the one that signs
   * now is renewed soon, each node at a moment of its own. `current` holds the roots when it returns.
   */
  setBundles(bundles: readonly DomainBundle[]): void {
    this.#told = new ToldRoots(bundles)
    this.#bundles.tell(bundles)
    for (const entry of this.#entries.values()) this.#hasten(entry)
    this.#announceNow()
    this.#pump()
  }

  /** A certificate whose serial is revoked is replaced at once, with a new key: nobody believes it any more. */
  setRevocations(revocations: Revocations): void {
    this.#revocations = revocations
    for (const entry of this.#entries.values()) this.#hasten(entry)
    this.#pump()
  }

  /** Brings a renewal forward. */
  #hasten(entry: Entry): void {
    const { held } = entry
    if (held === undefined) return
    const nowMs = this.#deps.clock.nowMs()
    if (this.#revocations.serials.has(held.serial)) entry.dueMs = Math.min(entry.dueMs, nowMs)
    else if (!this.#told.signs(held.identity, held.rootFingerprint)) {
      const spreadMs = Math.min(maxResignMs, (held.notAfterMs - held.obtainedMs) * resignShare)
      entry.dueMs = Math.min(entry.dueMs, nowMs + this.#deps.rng.next() * spreadMs)
    }
  }

  /** Starts what is due, missing certificates before renewals, and sets the timer for what comes next. */
  #pump(): void {
    if (!this.#started) return
    const nowMs = this.#deps.clock.nowMs()
    this.#expire(nowMs)
    const due = [...this.#entries.values()]
      .filter((entry) => entry.running === undefined && entry.dueMs <= nowMs)
      .toSorted((a, b) => Number(a.held !== undefined) - Number(b.held !== undefined) || a.dueMs - b.dueMs)
    for (const entry of due.slice(0, maxParallel - this.#running)) this.#begin(entry)
    this.#timer?.[Symbol.dispose]()
    const napMs = Math.min(maxNapMs, Math.max(0, this.#nextMs() - nowMs))
    this.#timer = this.#deps.clock.after(napMs, () => this.#pump())
  }

  #nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.values()) {
      if (entry.held !== undefined) nextMs = Math.min(nextMs, entry.held.notAfterMs)
      // What is due already waits for a free place, and the end of another request looks again.
      if (entry.running === undefined && this.#running < maxParallel) nextMs = Math.min(nextMs, entry.dueMs)
    }
    return nextMs
  }

  #expire(nowMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.held === undefined || entry.held.notAfterMs > nowMs) continue
      this.#deps.log.error('a certificate expired before it could be renewed', {
        identity: entry.identity,
        lastError: entry.lastError,
      })
      entry.held = undefined
      this.#announce()
    }
    for (const [identity, held] of this.#spare) {
      if (held.notAfterMs > nowMs && nowMs < this.#claimUntilMs) continue
      this.#spare.delete(identity)
      void this.#folder?.remove(identity)
    }
  }

  #begin(entry: Entry): void {
    const controller = linkedController(this.#end.signal)
    entry.running = controller
    this.#running++
    this.#fetch(entry.identity, controller)
      .then((held) => {
        if (controller.signal.aborted) return
        entry.lastError = undefined
        entry.backoff.reset()
        void this.#folder?.save(held)
        this.#bundles.take(held.identity, held.rootsPem, held.obtainedMs)
        this.#hold(entry, held)
      })
      .catch((error: unknown) => {
        if (!controller.signal.aborted) this.#failed(entry, error)
      })
      .finally(() => {
        controller[Symbol.dispose]()
        entry.running = undefined
        this.#running--
        this.#pump()
      })
  }

  async #fetch(identity: SpiffeId, controller: LinkedController): Promise<HeldCertificate> {
    const { caClient, ttlMs = defaultTtlMs, requestTimeoutMs = defaultTimeoutMs } = this.#options
    const { clock } = this.#deps
    const keyPair = generateKeyPair()
    using request = linkedController(controller.signal)
    using _timeout = clock.after(requestTimeoutMs, () => {
      request.abort(
        new CertificateError('CA_UNREACHABLE', `the CA did not answer within ${requestTimeoutMs} ms`),
      )
    })
    const csr = csrPem(createCsr({ identity, keyPair }))
    const answer = await caClient.request({ csr, identity, ttlMs, signal: request.signal })
    const found = {
      chainPem: answer.slice(0, -1).join('\n'),
      rootsPem: answer.at(-1) ?? '',
      keyPem: keyPem(keyPair.privateKey),
    }
    const checked = checkCertificate(found, clock.nowMs())
    if (!checked.ok) throw new CertificateError('CA_BAD_ANSWER', checked.error)
    if (checked.value.identity !== identity) {
      throw new CertificateError(
        'CA_BAD_ANSWER',
        `expected a certificate for ${identity}, found one for ${checked.value.identity}`,
      )
    }
    // A CA that is behind the control plane, or ahead of it: nobody else would believe what it signs.
    if (!this.#told.includes(identity, checked.value.rootFingerprint)) {
      throw new CertificateError(
        'CA_BAD_ANSWER',
        'expected a certificate under one of the roots in force, found one under another',
      )
    }
    return { ...checked.value, obtainedMs: clock.nowMs() }
  }

  #hold(entry: Entry, held: HeldCertificate): void {
    entry.held = held
    const lifeMs = held.notAfterMs - Math.max(held.notBeforeMs, held.obtainedMs)
    const share = 0.5 + (this.#deps.rng.next() * 2 - 1) * renewalSpread
    entry.dueMs = held.notAfterMs - lifeMs * share
    this.#hasten(entry)
    this.#announce()
  }

  /** While a certificate is still in hand, at least one more try comes before it ends, however long the pauses are. */
  #failed(entry: Entry, error: unknown): void {
    const nowMs = this.#deps.clock.nowMs()
    const leftMs = (entry.held?.notAfterMs ?? Number.POSITIVE_INFINITY) - nowMs
    const pauseMs = Math.min(entry.backoff.nextMs(), Math.max(minPauseMs, leftMs / 2))
    entry.dueMs = nowMs + pauseMs
    entry.lastError = errorText(error)
    this.#deps.log.warn('no certificate from the CA', {
      identity: entry.identity,
      error: entry.lastError,
      nextTryMs: Math.round(pauseMs),
      ...(entry.held === undefined ? {} : { validForMs: leftMs }),
    })
  }

  /** Once for all changes of one turn. */
  #announce(): void {
    if (this.#announcing) return
    this.#announcing = true
    queueMicrotask(() => {
      this.#announcing = false
      this.#announceNow()
    })
  }

  #announceNow(): void {
    const { bundle } = this.#bundles
    for (const entry of this.#entries.values()) entry.certificate = certificateOf(entry, bundle)
    const list = this.current
    const same =
      list.length === this.#announced.length && list.every((item, i) => item === this.#announced[i])
    if (same) return
    this.#announced = list
    for (const onChange of this.#watchers) onChange(list)
  }
}

function certificateOf({ held, certificate }: Entry, bundle: TrustBundle): WorkloadCertificate | undefined {
  if (held === undefined) return undefined
  if (certificate?.serial === held.serial && certificate.bundle === bundle) return certificate
  const { identity, chainPem, keyPem: key, notBeforeMs, notAfterMs, serial } = held
  return { identity, chainPem, keyPem: key, bundle, notBeforeMs, notAfterMs, serial }
}

function statusOf({ identity, held, dueMs, lastError }: Entry): CertificateStatus {
  const state = held !== undefined ? 'available' : lastError === undefined ? 'waiting' : 'failing'
  return {
    identity,
    state,
    serial: held?.serial,
    notBeforeMs: held?.notBeforeMs,
    notAfterMs: held?.notAfterMs,
    chainPem: held?.chainPem,
    nextRequestMs: dueMs,
    lastError,
  }
}
