import { createHash } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { SpiffeId } from '@tulle/identity'
import type { Log } from '@tulle/runtime'
import { checkCertificate } from './certificate-check.ts'
import type { CheckedCertificate } from './certificate-check.ts'

/** A certificate and when it came: its half life counts from then, not from its backdated beginning. */
export interface HeldCertificate extends CheckedCertificate {
  readonly obtainedMs: number
}

const maxFiles = 10_000
const maxFileBytes = 1_048_576
const suffix = '.json'

/**
 * Certificates with their keys in a folder on tmpfs, so that a node proxy that restarts serves while the control
 * plane is away. Files are 0600 and replaced whole. What is expired or broken when it is read is removed.
 */
export class CertificateFolder {
  readonly #folder: string
  readonly #log: Log
  /** Of one identity's file: writes and removals, one after the other. */
  readonly #writes: Map<string, Promise<void>> = new Map()

  constructor(folder: string, log: Log) {
    this.#folder = folder
    this.#log = log
  }

  async load(nowMs: number): Promise<readonly HeldCertificate[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await chmod(this.#folder, 0o700)
    const found: HeldCertificate[] = []
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith(suffix))
    for (const name of names.slice(0, maxFiles)) {
      const path = join(this.#folder, name)
      const held = await readHeld(path, nowMs)
      if (held.ok && name === fileName(held.value.identity)) {
        found.push(held.value)
        continue
      }
      const reason = held.ok ? 'the file has the name of another identity' : held.error
      this.#log.warn('a kept certificate is not used', { file: name, reason })
      await rm(path, { force: true })
    }
    return found
  }

  save(held: HeldCertificate): Promise<void> {
    const path = join(this.#folder, fileName(held.identity))
    return this.#inTurn(path, () => writePrivate(path, JSON.stringify(held)))
  }

  remove(identity: SpiffeId): Promise<void> {
    const path = join(this.#folder, fileName(identity))
    return this.#inTurn(path, () => rm(path, { force: true }))
  }

  /** Resolves when all that was begun is on disk. */
  async settled(): Promise<void> {
    await Promise.all(this.#writes.values())
  }

  /** A full disk costs the next restart its certificates and nothing more, so failures are only logged. */
  #inTurn(path: string, run: () => Promise<void>): Promise<void> {
    const turn = (this.#writes.get(path) ?? Promise.resolve()).then(run).catch((error: unknown) => {
      this.#log.warn('a certificate was not kept on disk', { file: path, error: errorText(error) })
    })
    this.#writes.set(path, turn)
    return turn.finally(() => {
      if (this.#writes.get(path) === turn) this.#writes.delete(path)
    })
  }
}

/** Identities can be longer than file names. */
function fileName(identity: SpiffeId): string {
  return `${createHash('sha256').update(identity).digest('hex')}${suffix}`
}

async function writePrivate(path: string, text: string): Promise<void> {
  const draft = `${path}.new`
  await rm(draft, { force: true })
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
  await rename(draft, path)
}

async function readHeld(path: string, nowMs: number): Promise<Result<HeldCertificate>> {
  let kept: unknown
  try {
    const { size } = await stat(path)
    if (size > maxFileBytes) return err(`expected at most ${maxFileBytes} bytes, found ${size}`)
    kept = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    return err(error instanceof SyntaxError ? 'expected JSON' : errorText(error))
  }
  if (typeof kept !== 'object' || kept === null) return err('expected an object')
  const { chainPem, keyPem, rootsPem, obtainedMs }: Readonly<Record<string, unknown>> = { ...kept }
  if (typeof chainPem !== 'string' || typeof keyPem !== 'string' || !Array.isArray(rootsPem)) {
    return err('expected chainPem, keyPem and rootsPem')
  }
  if (typeof obtainedMs !== 'number' || !Number.isFinite(obtainedMs)) return err('expected obtainedMs')
  const checked = checkCertificate({ chainPem, keyPem, rootsPem: rootsPem.map(String).join('') }, nowMs)
  return checked.ok ? ok({ ...checked.value, obtainedMs: Math.min(obtainedMs, nowMs) }) : checked
}
