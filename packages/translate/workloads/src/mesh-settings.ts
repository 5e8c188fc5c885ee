import type { ApiCollections, Condition, MeshObject, MeshSpec } from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Collection, Graph, Singleton } from '@tulle/collections'
import { defaultTrustDomain, parseTrustDomain } from '@tulle/identity'
import type { TrustDomain } from '@tulle/identity'
import { ageOf, compareAge } from './age.ts'
import { conditionSet } from './condition-set.ts'
import { objectLabel } from './object-names.ts'

/** What holds for the whole mesh. */
export interface MeshSettings {
  readonly trustDomain: TrustDomain
  readonly mtls: MeshSpec['mtls']
  readonly access: MeshSpec['access']
}

export const defaultMeshSettings: MeshSettings = {
  trustDomain: defaultTrustDomain,
  mtls: 'permissive',
  access: 'enforce-selected',
}

/** The oldest Mesh object's settings; the defaults where there is none. */
export function deriveMeshSettings(
  graph: Graph,
  api: Pick<ApiCollections, 'meshes'>,
): Singleton<MeshSettings> {
  return graph.singleton('mesh-settings', (look) => settingsOf(oldestMesh(look.all(api.meshes))))
}

export function deriveMeshConditions(
  graph: Graph,
  api: Pick<ApiCollections, 'meshes'>,
): Collection<readonly Condition[]> {
  return graph.derive('mesh-conditions', api.meshes, (mesh, look) =>
    meshConditions(mesh, oldestMesh(look.all(api.meshes))),
  )
}

export function settingsOf(mesh: MeshObject | undefined): MeshSettings {
  if (mesh === undefined) return defaultMeshSettings
  const { trustDomain, mtls, access } = mesh.spec
  const parsed = parseTrustDomain(trustDomain ?? defaultTrustDomain)
  return { trustDomain: parsed.ok ? parsed.value : defaultTrustDomain, mtls, access }
}

export function meshConditions(mesh: MeshObject, winner: MeshObject | undefined): readonly Condition[] {
  if (winner !== undefined && objectKey(winner) !== objectKey(mesh)) {
    const message = `a mesh has one Mesh object; ${objectLabel(winner)} is older and holds`
    return conditionSet({
      accepted: { status: 'False', reason: 'OlderMeshExists', message },
      conflicted: { reason: 'OlderMeshExists', message },
    })
  }
  const parsed = parseTrustDomain(mesh.spec.trustDomain ?? defaultTrustDomain)
  if (parsed.ok) return conditionSet()
  const message = `${parsed.error}; ${defaultTrustDomain} is used, the modes take effect`
  const position = mesh.positions.get('spec.trustDomain')
  return conditionSet({ accepted: { status: 'False', reason: 'InvalidTrustDomain', message, position } })
}

function oldestMesh(meshes: readonly MeshObject[]): MeshObject | undefined {
  return meshes.toSorted((a, b) => compareAge(ageOf(a), ageOf(b)))[0]
}
