import type { CertificateView } from '@tulle/node'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import type { Mesh } from '../../tests/support/mesh.ts'

/** How many certificates the nodes had, by identity. */
export class CertificateCount {
  readonly #serials: Map<string, Set<string>> = new Map()

  /** A node that is away at the moment is asked the next time. */
  async take(mesh: Mesh, nodes: readonly string[]): Promise<void> {
    for (const node of nodes) {
      const client = adminClient(mesh.folder.state.node(node).adminSocket)
      const found = await client.get<readonly CertificateView[]>('/v1/certificates').catch(() => [])
      for (const { identity, serial } of found) {
        if (serial === '') continue
        const key = `${node} ${identity}`
        this.#serials.set(key, (this.#serials.get(key) ?? new Set()).add(serial))
      }
    }
  }

  counts(): { readonly identities: number; readonly issued: number } {
    const issued = [...this.#serials.values()].reduce((sum, serials) => sum + serials.size, 0)
    return { identities: this.#serials.size, issued }
  }
}
