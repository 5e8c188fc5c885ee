import { readFile } from 'node:fs/promises'
import { dataEqual, errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { TrustBundle } from '@tulle/identity'
import type { Log } from '@tulle/runtime'
import { Bundles } from './certificate-bundles.ts'
import { checkCertificate } from './certificate-check.ts'
import type { UncheckedCertificate } from './certificate-check.ts'
import { CertificateError } from './certificate-errors.ts'
import type { CertificateSource, WorkloadCertificate } from './certificate-types.ts'

export interface PemCertificateSourceOptions {
  /** PKCS#8 or SEC 1. */
  readonly keyFile: string
  /** Leaf first, then intermediates. */
  readonly chainFile: string
  /** The roots of the leaf's trust domain. */
  readonly rootsFile: string
  readonly foreignBundles?: TrustBundle
  /** How often the files are looked at; 2 s when absent. */
  readonly pollMs?: number
}

export interface PemCertificateSourceDeps {
  readonly clock: Clock
  readonly log: Log
}

const defaultPollMs = 2000

/**
 * One certificate from PEM files, for a node proxy without a control plane. The files may be replaced at any time,
 * one after the other: what doesn't fit together is not taken over, and the one in hand stays.
 */
export class PemCertificateSource implements CertificateSource {
  readonly name: string = 'certificate files'
  readonly #options: PemCertificateSourceOptions
  readonly #deps: PemCertificateSourceDeps
  readonly #watchers: Set<(list: readonly WorkloadCertificate[]) => void> = new Set()
  #current: readonly WorkloadCertificate[] = []
  #seen: UncheckedCertificate | undefined
  /** Under way. */
  #look: Promise<void> | undefined
  #lastError: string | undefined
  #timer: Disposable | undefined

  constructor(options: PemCertificateSourceOptions, deps: PemCertificateSourceDeps) {
    this.#options = options
    this.#deps = deps
  }

  get current(): readonly WorkloadCertificate[] {
    return this.#current
  }

  subscribe(onChange: (list: readonly WorkloadCertificate[]) => void): Disposable {
    this.#watchers.add(onChange)
    return { [Symbol.dispose]: () => void this.#watchers.delete(onChange) }
  }

  /** Rejects with CERTIFICATE_FILE where the files hold no usable certificate. */
  async start(_signal: AbortSignal): Promise<void> {
    await this.#read()
    this.#timer = this.#deps.clock.every(this.#options.pollMs ?? defaultPollMs, () => {
      if (this.#look === undefined) void this.reload()
    })
  }

  async drain(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
  }

  /** Looks at the files as they are now, behind a look that is under way. Never rejects: what is wrong is logged once. */
  async reload(): Promise<void> {
    const before = this.#look ?? Promise.resolve()
    const look = before.then(() => this.#lookOnce())
    this.#look = look
    await look
    if (this.#look === look) this.#look = undefined
  }

  async #lookOnce(): Promise<void> {
    try {
      await this.#read()
      this.#lastError = undefined
    } catch (error) {
      const text = errorText(error)
      if (text !== this.#lastError)
        this.#deps.log.error('the certificate files are not taken over', { error: text })
      this.#lastError = text
    }
  }

  async #read(): Promise<void> {
    const { keyFile, chainFile, rootsFile, foreignBundles } = this.#options
    const [key, chainPem, rootsPem] = await Promise.all([keyFile, chainFile, rootsFile].map(readText))
    const found = { keyPem: key ?? '', chainPem: chainPem ?? '', rootsPem: rootsPem ?? '' }
    if (dataEqual(found, this.#seen)) return
    const nowMs = this.#deps.clock.nowMs()
    const checked = checkCertificate(found, nowMs)
    if (!checked.ok) {
      throw new CertificateError(
        'CERTIFICATE_FILE',
        `${chainFile}, ${keyFile}, ${rootsFile}: ${checked.error}`,
      )
    }
    this.#seen = found
    const bundles = new Bundles(foreignBundles ?? { roots: new Map() })
    bundles.take(checked.value.identity, checked.value.rootsPem, nowMs)
    const { rootsPem: _roots, ...facts } = checked.value
    this.#current = [{ ...facts, bundle: bundles.bundle }]
    for (const onChange of this.#watchers) onChange(this.#current)
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new CertificateError('CERTIFICATE_FILE', `${file} can't be read`, { cause: error })
  }
}
