import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { noRevocations, uniteRevocations } from '@tulle/identity'
import type { DomainBundle, RevocationList, Revocations } from '@tulle/identity'
import { decodeRevocation, decodeTrustBundle, revocationType, trustBundleType } from '@tulle/mesh-xds'
import type { MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import type { MetricsRegistry } from '@tulle/runtime'
import type { RejectedResource } from './ads-types.ts'
import type { CertificateStore } from './certificate-store.ts'
import type { WorkloadCertificate } from './certificate-types.ts'
import { checkBundle } from './told-roots.ts'

export interface IdentityTargets {
  /** The data path; each call resolves when every worker has taken it over. */
  readonly dataPath: {
    setRevocations(revocations: Revocations): Promise<void>
    setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void>
  }
  readonly certificates: Pick<CertificateStore, 'current' | 'setBundles' | 'setRevocations'>
  readonly metrics: MetricsRegistry
}

/** What is in force of it, for dumps. */
export interface IdentityDump {
  readonly revoked: { readonly identities: readonly string[]; readonly serials: readonly string[] }
  readonly bundles: readonly DomainBundle[]
  /** Resources that were not understood; what was in force under their names stays so. */
  readonly refused: readonly RejectedResource[]
}

/**
 * Whom to believe, as the control plane says: lists of who is revoked, and the roots of trust domains. A resource that
 * is not understood in full is refused, and what came before under its name stays in force.
 */
export class IdentityUpdates {
  readonly #targets: IdentityTargets
  readonly #lists: Map<string, RevocationList> = new Map()
  readonly #bundles: Map<string, DomainBundle> = new Map()
  readonly #refused: Map<string, RejectedResource> = new Map()
  #revocations: Revocations = noRevocations

  constructor(targets: IdentityTargets) {
    this.#targets = targets
  }

  handles(typeUrl: string): boolean {
    return typeUrl === revocationType || typeUrl === trustBundleType
  }

  /** Resolves when it is in force everywhere, with what was refused. */
  async apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    const isList = update.typeUrl === revocationType
    const held: Map<string, unknown> = isList ? this.#lists : this.#bundles
    for (const name of update.removed) {
      held.delete(name)
      this.#refused.delete(name)
    }
    const rejected: RejectedResource[] = []
    for (const resource of update.upserts) {
      const { name } = resource
      const decoded = isList ? decodeList(resource) : decodeBundle(resource)
      if (decoded.ok) {
        held.set(name, decoded.value)
        this.#refused.delete(name)
      } else {
        const before = held.has(name) ? '; what was before stays in force' : ''
        const refusal = { name, reason: `${decoded.error}${before}` }
        rejected.push(refusal)
        this.#refused.set(name, refusal)
      }
    }
    if (isList) await this.#revoke()
    else await this.#believe()
    this.#count()
    return rejected
  }

  dump(): IdentityDump {
    return {
      revoked: { identities: [...this.#revocations.identities], serials: [...this.#revocations.serials] },
      bundles: [...this.#bundles.values()],
      refused: [...this.#refused.values()],
    }
  }

  async #revoke(): Promise<void> {
    this.#revocations = uniteRevocations(this.#lists.values())
    await this.#targets.dataPath.setRevocations(this.#revocations)
    this.#targets.certificates.setRevocations(this.#revocations)
  }

  /** The acknowledgement says that every worker believes these roots: the next step of a rotation waits for it. */
  async #believe(): Promise<void> {
    const { certificates, dataPath } = this.#targets
    certificates.setBundles([...this.#bundles.values()])
    await dataPath.setCertificates(certificates.current)
  }

  #count(): void {
    const { metrics } = this.#targets
    const revoked = metrics.gauge('tulle_revoked', 'Identities and certificates that are revoked.', ['kind'])
    revoked.bind('identity').set(this.#revocations.identities.size)
    revoked.bind('serial').set(this.#revocations.serials.size)
    metrics
      .gauge('tulle_identity_resources_refused', 'Revocation lists and trust bundles not understood.', [])
      .bind()
      .set(this.#refused.size)
  }
}

/** Under another name it could never be taken back. */
function decodeList({ name, bytes }: MeshResource): Result<RevocationList> {
  const list = decodeRevocation(bytes)
  if (!list.ok || list.value.name === name) return list
  return err(`the resource is of ${JSON.stringify(list.value.name)}`)
}

function decodeBundle({ name, bytes }: MeshResource): Result<DomainBundle> {
  const bundle = decodeTrustBundle(bytes)
  if (!bundle.ok) return bundle
  if (bundle.value.trustDomain !== name) return err(`the resource is of ${bundle.value.trustDomain}`)
  const checked = checkBundle(bundle.value)
  return checked.ok ? ok(bundle.value) : checked
}
