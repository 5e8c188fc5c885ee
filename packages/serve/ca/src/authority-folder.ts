import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compareText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { noRevocations } from '@tulle/identity'
import type { Revocations, TrustDomain } from '@tulle/identity'
import { joinPem, keyPem } from '@tulle/x509'
import { CertificateAuthority } from './authority.ts'
import type { AuthorityState, Rotation } from './authority.ts'
import { makeRoot, parseRoot } from './authority-root.ts'
import type { AuthorityRoot } from './authority-root.ts'
import { CaError } from './errors.ts'
import { readSecret, readText, writePrivate } from './private-file.ts'
import { decodeRevocations, encodeRevocations } from './revocations.ts'

export interface AuthorityFolderOptions {
  /** Made with mode 0700 where it is missing. */
  readonly folder: string
  readonly trustDomain: TrustDomain
  readonly clock: Clock
  readonly leafTtlMs?: number
  readonly backdateMs?: number
}

const signerFile = 'signer'
const revocationsFile = 'revocations.json'
const rotationFile = 'rotation.json'
const firstRoot = 'root'

/**
 * The authority whose roots lie in a folder, as `NAME.crt` (PEM: signing CA first, root last) and `NAME.key`
 * (PKCS#8, 0600; absent where the root is only trusted). `signer` names the one that signs, `root` when absent.
 * An empty folder gets a root of its own; a user's root or intermediate is put there beforehand. Anything broken
 * is a CaError that names the file: we never replace a key that somebody may have meant.
 */
export async function loadOrCreateAuthority(options: AuthorityFolderOptions): Promise<CertificateAuthority> {
  const { folder, clock, ...rest } = options
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new CaError('CA_FOLDER', `${folder} can't be made`, { cause: error })
  }
  const state = (await loadState(folder)) ?? (await createState(options))
  const held = { state }
  const save = async (next: AuthorityState): Promise<void> => {
    await saveState(folder, held.state, next)
    held.state = next
  }
  return new CertificateAuthority({ ...rest, state }, { clock, save })
}

async function createState(options: AuthorityFolderOptions): Promise<AuthorityState> {
  const root = makeRoot({ name: firstRoot, trustDomain: options.trustDomain, nowMs: options.clock.nowMs() })
  const state = { roots: [root], signer: firstRoot, revocations: await loadRevocations(options.folder) }
  await writeRoot(options.folder, root)
  return state
}

async function loadState(folder: string): Promise<AuthorityState | undefined> {
  const files = await readdir(folder)
  const names = files.filter((file) => file.endsWith('.crt')).map((file) => file.slice(0, -'.crt'.length))
  const lonely = files.find((file) => file.endsWith('.key') && !names.includes(file.slice(0, -'.key'.length)))
  if (lonely !== undefined) {
    const expected = lonely.replace(/key$/u, 'crt')
    throw new CaError(
      'CA_BAD_ROOT',
      `${join(folder, lonely)}: expected its certificate in ${expected}, found none`,
    )
  }
  if (names.length === 0) return undefined
  const roots: AuthorityRoot[] = []
  for (const name of names.toSorted(compareText)) roots.push(await loadRoot(folder, name))
  const signer =
    (await readText(join(folder, signerFile)))?.trim() ?? (roots.length === 1 ? names[0] : firstRoot)
  if (signer === undefined || !names.includes(signer)) {
    throw new CaError(
      'CA_BAD_ROOT',
      `${join(folder, signerFile)}: expected one of ${names.join(', ')}, found ${JSON.stringify(signer)}`,
    )
  }
  const rotation = await loadRotation(folder, names)
  return { roots, signer, revocations: await loadRevocations(folder), rotation }
}

async function loadRoot(folder: string, name: string): Promise<AuthorityRoot> {
  const path = join(folder, `${name}.crt`)
  const certificates = await readText(path)
  const key = await readSecret(join(folder, `${name}.key`))
  const root = parseRoot(name, certificates ?? '', key)
  if (!root.ok) throw new CaError('CA_BAD_ROOT', `${path}: ${root.error}`)
  return root.value
}

async function loadRevocations(folder: string): Promise<Revocations> {
  const path = join(folder, revocationsFile)
  const text = await readText(path)
  if (text === undefined) return noRevocations
  const revocations = decodeRevocations(text)
  if (!revocations.ok) throw new CaError('CA_BAD_REVOCATIONS', `${path}: ${revocations.error}`)
  return revocations.value
}

/** One whose root is not there was cut off by a crash before it began, or after it had ended. */
async function loadRotation(folder: string, names: readonly string[]): Promise<Rotation | undefined> {
  const path = join(folder, rotationFile)
  const text = await readText(path)
  if (text === undefined) return undefined
  const rotation = decodeRotation(text)
  if (rotation === undefined) {
    throw new CaError(
      'CA_BAD_ROOT',
      `${path}: expected the roots of a replacement, found something else; remove it if none is under way`,
    )
  }
  return names.includes(rotation.from) && names.includes(rotation.to) ? rotation : undefined
}

function decodeRotation(text: string): Rotation | undefined {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    // The caller says what was expected.
    return undefined
  }
  const { from, to, startedMs, switchedMs }: Readonly<Record<string, unknown>> = { ...Object(found) }
  if (typeof from !== 'string' || typeof to !== 'string' || typeof startedMs !== 'number') return undefined
  return { from, to, startedMs, switchedMs: typeof switchedMs === 'number' ? switchedMs : undefined }
}

/**
 * In an order in which a crash between two steps leaves a folder that still loads: the signer is named before a
 * second root makes that necessary, and a root without its key is only trusted.
 */
async function saveState(folder: string, before: AuthorityState, after: AuthorityState): Promise<void> {
  if (after.signer !== before.signer || after.roots.length !== before.roots.length) {
    await writePrivate(join(folder, signerFile), `${after.signer}\n`)
  }
  for (const root of after.roots) {
    if (!before.roots.includes(root)) await writeRoot(folder, root)
  }
  if (after.rotation !== before.rotation) {
    const path = join(folder, rotationFile)
    if (after.rotation === undefined) await rm(path, { force: true })
    else await writePrivate(path, `${JSON.stringify(after.rotation)}\n`)
  }
  if (after.revocations !== before.revocations) {
    await writePrivate(join(folder, revocationsFile), encodeRevocations(after.revocations))
  }
  for (const { name } of before.roots) {
    if (after.roots.some((root) => root.name === name)) continue
    await rm(join(folder, `${name}.key`), { force: true })
    await rm(join(folder, `${name}.crt`), { force: true })
  }
}

async function writeRoot(folder: string, root: AuthorityRoot): Promise<void> {
  await writePrivate(join(folder, `${root.name}.crt`), joinPem(root.chain))
  if (root.key !== undefined) await writePrivate(join(folder, `${root.name}.key`), keyPem(root.key))
}
