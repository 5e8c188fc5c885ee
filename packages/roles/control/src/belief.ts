import type { CertificateAuthority } from '@tulle/ca'
import type { Collection, Graph, Singleton, Source } from '@tulle/collections'
import { uniteRevocations } from '@tulle/identity'
import type { DomainBundle, RevocationList, Revocations } from '@tulle/identity'
import { revocationResource, trustBundleResource } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'

/** The list of what was revoked by command; those of objects are called `Revocation/NAME`. */
export const commandList = 'tulle-revoke'

/** Whom the mesh believes: the roots of its certificates, and who is revoked, by command or by objects. */
export interface Belief extends Disposable {
  /** Every list by its name, the command's among them. */
  readonly lists: Collection<RevocationList>
  readonly revocations: Singleton<Revocations>
  readonly bundles: Collection<DomainBundle>
  /** The graph's revision at which roots or signer changed last; Infinity while it does not have the authority's word yet. */
  readonly bundleRevision: number
  /** Resolves when what the authority has said by now is in the graph. */
  settled(): Promise<void>
  readonly resources: {
    readonly revocation: Collection<MeshResource>
    readonly trustBundle: Collection<MeshResource>
  }
}

/**
 * Follows the authority: each change of its roots, its signer or its revocations is one transaction. It may come at any
 * time, also while objects are read in slices; then it waits for those.
 */
export function followAuthority(
  graph: Graph,
  model: { readonly revocations: Collection<RevocationList> },
  authority: CertificateAuthority,
): Belief {
  const commanded = graph.source<RevocationList>('commanded-revocations')
  const bundles = graph.source<DomainBundle>('trust-bundles')
  const lists = graph.join('all-revocation-lists', [model.revocations, commanded])
  const take = (): void => {
    takeRevocations(commanded, authority)
    bundles.set(authority.trustDomain, authority.bundle)
  }
  let waiting = 0
  let settled = Promise.resolve()
  const follow = async (): Promise<void> => {
    waiting++
    try {
      await graph.transactionInTurn(take)
    } finally {
      waiting--
    }
  }
  let bundleRevision = graph.revision
  const stack = new DisposableStack()
  stack.use(
    bundles.subscribe(() => {
      bundleRevision = graph.revision
    }),
  )
  graph.transaction(take)
  stack.use(
    authority.subscribe(() => {
      settled = follow()
    }),
  )
  return {
    lists,
    bundles,
    revocations: graph.singleton('revocations-united', (look) => uniteRevocations(look.all(lists))),
    resources: {
      revocation: graph.derive('revocation-resources', lists, revocationResource),
      trustBundle: graph.derive('trust-bundle-resources', bundles, trustBundleResource),
    },
    get bundleRevision() {
      return waiting > 0 ? Infinity : bundleRevision
    },
    settled: () => settled,
    [Symbol.dispose]: () => stack.dispose(),
  }
}

function takeRevocations(source: Source<RevocationList>, authority: CertificateAuthority): void {
  const list = authority.revocationList(commandList)
  if (list.identities.length + list.serials.length === 0) source.delete(commandList)
  else source.set(commandList, list)
}
