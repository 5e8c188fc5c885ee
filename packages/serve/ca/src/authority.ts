import { err, ok } from '@tulle/core'
import type { Clock, Result } from '@tulle/core'
import { parseSpiffeId } from '@tulle/identity'
import type { DomainBundle, RevocationList, Revocations, SpiffeId, TrustDomain } from '@tulle/identity'
import type { IpAddress } from '@tulle/mesh'
import {
  certificateFingerprint,
  certificatePem,
  createLeaf,
  generateKeyPair,
  joinPem,
  keyPem,
} from '@tulle/x509'
import type { Certificate, CertificateRequest } from '@tulle/x509'
import { makeRoot, rootName } from './authority-root.ts'
import type { AuthorityRoot } from './authority-root.ts'
import { CaError } from './errors.ts'
import type { Refusal, RefusalKind } from './errors.ts'
import { withoutRevocations, withRevocations } from './revocations.ts'
import type { RevocationLists } from './revocations.ts'

/** What an authority is, apart from its limits: what the folder holds. */
export interface AuthorityState {
  /** By name; never empty. */
  readonly roots: readonly AuthorityRoot[]
  /** The name of the root that signs. */
  readonly signer: string
  readonly revocations: Revocations
  /** The replacement of the root that is under way. */
  readonly rotation?: Rotation | undefined
}

/** A root on its way out, and the one that takes its place. */
export interface Rotation {
  readonly from: string
  readonly to: string
  readonly startedMs: number
  /** When the new one began to sign; undefined before that. */
  readonly switchedMs: number | undefined
}

export interface AuthorityOptions {
  readonly trustDomain: TrustDomain
  readonly state: AuthorityState
  /** Lifetime of a workload's certificate: the default, and the most that anybody gets. 24 h when absent. */
  readonly leafTtlMs?: number
  /** How far certificates reach back, for clocks that are behind; 65 min when absent. */
  readonly backdateMs?: number
}

export interface AuthorityDeps {
  readonly clock: Clock
  /** Keeps a new state; what it rejects did not happen. */
  readonly save: (state: AuthorityState) => Promise<void>
}

export interface IssuedCertificate {
  readonly leaf: Certificate
  /** Leaf first, then intermediates, PEM, one an entry; without the root. */
  readonly chainPem: readonly string[]
  /** All roots of the trust domain in one text. */
  readonly rootsPem: string
}

export interface ServingCertificate {
  readonly chainPem: string
  readonly keyPem: string
  readonly notAfterMs: number
}

export interface ServingNames {
  readonly names: readonly string[]
  readonly ips: readonly IpAddress[]
}

/** For status and `tulle get`: no key in it. */
export interface RootInfo {
  readonly name: string
  readonly serial: string
  readonly notAfterMs: number
  readonly hasKey: boolean
  readonly signs: boolean
  readonly pem: string
}

const defaultLeafTtlMs = 86_400_000
/** A clock may be set back by an hour, and what it signed before must hold still. */
const defaultBackdateMs = 3_900_000

/**
 * The certificate authority of one trust domain. It has several roots while they are being replaced: first both
 * are in the bundle (`addRoot`), then signing moves (`setSigner`), then the old one leaves (`removeRoot`).
 * Between two steps every holder must have the bundle, and before the last one a new certificate: a leaf's lifetime
 * is always enough. `beginRotation`, `switchSigner` and `endRotation` are these steps with their place kept, over
 * restarts too; who calls them knows when (RootRotation).
 */
export class CertificateAuthority {
  readonly trustDomain: TrustDomain
  readonly leafTtlMs: number
  readonly #backdateMs: number
  readonly #deps: AuthorityDeps
  readonly #watchers: Set<() => void> = new Set()
  #state: AuthorityState
  #rootsPem: string
  #lastChange: Promise<void> = Promise.resolve()

  constructor(options: AuthorityOptions, deps: AuthorityDeps) {
    this.trustDomain = options.trustDomain
    this.leafTtlMs = options.leafTtlMs ?? defaultLeafTtlMs
    this.#backdateMs = options.backdateMs ?? defaultBackdateMs
    this.#deps = deps
    this.#state = options.state
    this.#rootsPem = bundleText(options.state)
    signerOf(options.state)
  }

  get revocations(): Revocations {
    return this.#state.revocations
  }

  /** The replacement of the root that is under way; undefined where none is. */
  get rotation(): Rotation | undefined {
    return this.#state.rotation
  }

  get roots(): readonly RootInfo[] {
    return this.#state.roots.map(({ name, root, key }) => ({
      name,
      serial: root.serial,
      notAfterMs: root.notAfterMs,
      hasKey: key !== undefined,
      signs: name === this.#state.signer,
      pem: certificatePem(root),
    }))
  }

  /** All roots of the trust domain, the one that signs first. */
  get rootsPem(): string {
    return this.#rootsPem
  }

  /** What nodes are told of the roots, before and while they change. */
  get bundle(): DomainBundle {
    const { roots, signer } = this.#state
    return {
      trustDomain: this.trustDomain,
      roots: roots.map(({ root }) => certificatePem(root)),
      signer: certificateFingerprint(find(this.#state, signer).root),
    }
  }

  /** What `revoke` was told, as a list that travels. */
  revocationList(name: string): RevocationList {
    const { identities, serials } = this.#state.revocations
    // Each was parsed on its way in.
    return { name, identities: [...identities] as SpiffeId[], serials: [...serials] }
  }

  /** Called after each change of roots, signer or revocations. */
  subscribe(onChange: () => void): Disposable {
    this.#watchers.add(onChange)
    return { [Symbol.dispose]: () => void this.#watchers.delete(onChange) }
  }

  /**
   * Signs for a workload. That the caller may have this identity is settled before; here the request must ask
   * for it and for nothing else. `ttlMs` beyond the limit, or of none, gets the limit.
   */
  signWorkload(
    request: CertificateRequest,
    identity: SpiffeId,
    ttlMs: number = 0,
  ): Result<IssuedCertificate, Refusal> {
    const [asked, ...others] = request.uriSans
    if (asked !== identity || others.length > 0) {
      return refuse(
        'invalid',
        `expected a request for exactly ${identity}, found ${describe(request.uriSans)}`,
      )
    }
    const parsed = parseSpiffeId(identity)
    if (!parsed.ok) return refuse('invalid', parsed.error)
    if (parsed.value.trustDomain !== this.trustDomain) {
      return refuse(
        'forbidden',
        `expected the trust domain ${this.trustDomain}, found ${parsed.value.trustDomain}`,
      )
    }
    if (this.revocations.identities.has(identity)) return refuse('forbidden', `${identity} is revoked`)
    const wantedMs = ttlMs > 0 ? Math.min(ttlMs, this.leafTtlMs) : this.leafTtlMs
    const leaf = this.#issue({ publicKey: request.publicKey, uriSans: [identity] }, wantedMs)
    if (!leaf.ok) return leaf
    return ok({
      leaf: leaf.value,
      chainPem: [leaf.value, ...this.#intermediates()].map(certificatePem),
      rootsPem: this.rootsPem,
    })
  }

  /** A certificate for a server of ours: names and addresses, no identity, so it passes for no workload. */
  issueServingCertificate(names: ServingNames): Result<ServingCertificate, Refusal> {
    const { publicKey, privateKey } = generateKeyPair()
    const leaf = this.#issue({ publicKey, dnsSans: names.names, ipSans: names.ips }, this.leafTtlMs)
    if (!leaf.ok) return leaf
    return ok({
      chainPem: joinPem([leaf.value, ...this.#intermediates()]),
      keyPem: keyPem(privateKey),
      notAfterMs: leaf.value.notAfterMs,
    })
  }

  /** Puts a root into the bundle; it doesn't sign yet. Without one, makes one of that name. */
  addRoot(added: AuthorityRoot | string): Promise<void> {
    return this.#change((state) => {
      const name = typeof added === 'string' ? added : added.name
      if (!rootName.test(name))
        throw rotation(`expected a name of a–z, 0–9 and "-", found ${JSON.stringify(name)}`)
      if (state.roots.some((root) => root.name === name)) throw rotation(`there is a root ${name} already`)
      const nowMs = this.#deps.clock.nowMs()
      const root =
        typeof added === 'string' ? makeRoot({ name, trustDomain: this.trustDomain, nowMs }) : added
      return { ...state, roots: [...state.roots, root] }
    })
  }

  /** From now on this root signs. Every holder must have the bundle with it by then. */
  setSigner(name: string): Promise<void> {
    return this.#change((state) => {
      const root = find(state, name)
      if (root.key === undefined) throw rotation(`the key of root ${name} is not here, so it can't sign`)
      if (this.#endOf(root) <= this.#deps.clock.nowMs()) throw rotation(`root ${name} has expired`)
      return { ...state, signer: name }
    })
  }

  /** Takes a root out of the bundle: what it has signed is believed no more. */
  removeRoot(name: string): Promise<void> {
    return this.#change((state) => {
      find(state, name)
      if (name === state.signer) throw rotation(`root ${name} signs; let another sign first`)
      if (name === state.rotation?.to) throw rotation(`root ${name} is to sign soon`)
      return { ...state, roots: state.roots.filter((root) => root.name !== name) }
    })
  }

  /** Makes the root that is to sign, and puts it into the bundle. Rejects with CA_ROTATION while one is under way. */
  beginRotation(): Promise<void> {
    return this.#change((state) => {
      if (state.rotation !== undefined)
        throw rotation(`the root ${state.rotation.from} is being replaced by ${state.rotation.to} already`)
      const nowMs = this.#deps.clock.nowMs()
      const to = nextRootName(state)
      const root = makeRoot({ name: to, trustDomain: this.trustDomain, nowMs })
      const begun = { from: state.signer, to, startedMs: nowMs, switchedMs: undefined }
      return { ...state, roots: [...state.roots, root], rotation: begun }
    })
  }

  /** The new root signs from now on. */
  switchSigner(): Promise<void> {
    return this.#change((state) => {
      const under = underWay(state)
      const switched = { ...under, switchedMs: this.#deps.clock.nowMs() }
      return { ...state, signer: under.to, rotation: switched }
    })
  }

  /** The old root leaves the bundle. */
  endRotation(): Promise<void> {
    return this.#change((state) => {
      const { from } = underWay(state)
      if (from === state.signer) throw rotation(`root ${from} still signs`)
      return { ...state, roots: state.roots.filter((root) => root.name !== from), rotation: undefined }
    })
  }

  /** Rejects with CA_BAD_REVOCATIONS, and changes nothing, where an entry is none or the list is full. */
  revoke(lists: RevocationLists): Promise<void> {
    return this.#changeRevocations((held) => withRevocations(held, lists))
  }

  /** Takes entries back: certificates of these identities are issued, and with these serials believed, again. */
  reinstate(lists: RevocationLists): Promise<void> {
    return this.#changeRevocations((held) => withoutRevocations(held, lists))
  }

  #changeRevocations(step: (held: Revocations) => Result<Revocations>): Promise<void> {
    return this.#change((state) => {
      const next = step(state.revocations)
      if (!next.ok) throw new CaError('CA_BAD_REVOCATIONS', next.error)
      return { ...state, revocations: next.value }
    })
  }

  #issue(
    what: Omit<Parameters<typeof createLeaf>[0], 'issuer' | 'notBeforeMs' | 'notAfterMs'>,
    ttlMs: number,
  ): Result<Certificate, Refusal> {
    const { chain, key } = signerOf(this.#state)
    const nowMs = this.#deps.clock.nowMs()
    const endMs = this.#endOf(signerOf(this.#state))
    if (endMs <= nowMs) {
      return refuse('unavailable', `the signing certificate expired at ${new Date(endMs).toISOString()}`)
    }
    const [certificate] = chain
    // Never further back than half of what lies ahead, or the holder's half life would be over at once.
    const notBeforeMs = nowMs - Math.min(this.#backdateMs, ttlMs / 2)
    // X.509 counts whole seconds.
    const notAfterMs = Math.min(Math.ceil((nowMs + ttlMs) / 1000) * 1000, endMs)
    return ok(createLeaf({ ...what, issuer: { certificate, key }, notBeforeMs, notAfterMs }))
  }

  #intermediates(): readonly Certificate[] {
    return signerOf(this.#state).chain.slice(0, -1)
  }

  #endOf(root: AuthorityRoot): number {
    return Math.min(...root.chain.map((certificate) => certificate.notAfterMs))
  }

  /** One change after the other; kept in the folder before it is true. */
  #change(step: (state: AuthorityState) => AuthorityState): Promise<void> {
    const change = this.#lastChange.then(async () => {
      const next = step(this.#state)
      await this.#deps.save(next)
      this.#state = next
      this.#rootsPem = bundleText(next)
      for (const onChange of this.#watchers) onChange()
    })
    // The next change waits for this one, whatever became of it.
    this.#lastChange = change.catch(() => undefined)
    return change
  }
}

interface SigningRoot extends AuthorityRoot {
  readonly chain: readonly [Certificate, ...Certificate[]]
  readonly key: NonNullable<AuthorityRoot['key']>
}

function signerOf(state: AuthorityState): SigningRoot {
  const root = find(state, state.signer)
  const [first, ...rest] = root.chain
  if (root.key === undefined || first === undefined) {
    throw new CaError('CA_BAD_ROOT', `expected the key of the signing root ${state.signer}, found none`)
  }
  return { ...root, chain: [first, ...rest], key: root.key }
}

function underWay(state: AuthorityState): Rotation {
  if (state.rotation === undefined) throw rotation('no root is being replaced')
  return state.rotation
}

/** `root-2` after `root`, and so on. */
function nextRootName({ roots }: AuthorityState): string {
  for (let number = roots.length + 1; ; number++) {
    const name = `root-${number}`
    if (!roots.some((root) => root.name === name)) return name
  }
}

function find(state: AuthorityState, name: string): AuthorityRoot {
  const root = state.roots.find((candidate) => candidate.name === name)
  if (root !== undefined) return root
  const known = state.roots.map((candidate) => candidate.name).join(', ')
  throw rotation(`expected one of the roots ${known}, found ${JSON.stringify(name)}`)
}

function bundleText(state: AuthorityState): string {
  const signing = state.roots.filter((root) => root.name === state.signer)
  const others = state.roots.filter((root) => root.name !== state.signer)
  return joinPem([...signing, ...others].map((root) => root.root))
}

function describe(uris: readonly string[]): string {
  if (uris.length === 0) return 'no URI'
  return JSON.stringify(uris.slice(0, 4).map((uri) => uri.slice(0, 200)))
}

function refuse(kind: RefusalKind, message: string): Result<never, Refusal> {
  return err({ kind, message })
}

function rotation(message: string): CaError {
  return new CaError('CA_ROTATION', message)
}
