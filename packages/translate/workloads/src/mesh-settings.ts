import type { ApiCollections, Condition, MeshObject, MeshSpec } from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Collection, Graph, Singleton } from '@tulle/collections'
import { defaultTrustDomain, parseTrustDomain } from '@tulle/identity'
import type { TrustDomain } from '@tulle/identity'
import type { TracingSettings } from '@tulle/mesh'
import { ageOf, compareAge } from './age.ts'
import { conditionSet } from './condition-set.ts'
import { objectLabel } from './object-names.ts'

/** What holds for the whole mesh. */
export interface MeshSettings {
  readonly trustDomain: TrustDomain
  readonly mtls: MeshSpec['mtls']
  readonly access: MeshSpec['access']
  /** Absent: no spans are made. */
  readonly tracing?: TracingSettings
}

export const defaultMeshSettings: MeshSettings = {
  trustDomain: defaultTrustDomain,
  mtls: 'permissive',
  access: 'enforce-selected',
}

/** The trust domain that certificates are signed for. */
export interface RunningTrustDomain {
  readonly trustDomain: TrustDomain
  /** Whoever started the control plane chose it: Mesh objects have no say. */
  readonly isFixed: boolean
}

export interface MeshInputs {
  readonly api: Pick<ApiCollections, 'meshes'>
  /**
   * Under `runningKey`, once that is settled. Another one in the Mesh object waits, or counts for nothing: every
   * certificate and every policy of the mesh hangs on it.
   */
  readonly running?: Collection<RunningTrustDomain> | undefined
}

export const runningKey = 'trust-domain'

/** The oldest Mesh object's settings; the defaults where there is none. */
export function deriveMeshSettings(graph: Graph, { api, running }: MeshInputs): Singleton<MeshSettings> {
  return graph.singleton('mesh-settings', (look) => {
    const settings = settingsOf(oldestMesh(look.all(api.meshes)))
    const held = running === undefined ? undefined : look.one(running, runningKey)
    return held === undefined ? settings : { ...settings, trustDomain: held.trustDomain }
  })
}

export function deriveMeshConditions(
  graph: Graph,
  { api, running }: MeshInputs,
): Collection<readonly Condition[]> {
  return graph.derive('mesh-conditions', api.meshes, (mesh, look) =>
    meshConditions(
      mesh,
      oldestMesh(look.all(api.meshes)),
      running === undefined ? undefined : look.one(running, runningKey),
    ),
  )
}

export function settingsOf(mesh: MeshObject | undefined): MeshSettings {
  if (mesh === undefined) return defaultMeshSettings
  const { trustDomain, mtls, access, telemetry } = mesh.spec
  const parsed = parseTrustDomain(trustDomain ?? defaultTrustDomain)
  return {
    trustDomain: parsed.ok ? parsed.value : defaultTrustDomain,
    mtls,
    access,
    ...(telemetry?.tracing === undefined ? {} : { tracing: telemetry.tracing }),
  }
}

export function meshConditions(
  mesh: MeshObject,
  winner: MeshObject | undefined,
  running: RunningTrustDomain | undefined,
): readonly Condition[] {
  if (winner !== undefined && objectKey(winner) !== objectKey(mesh)) {
    const message = `a mesh has one Mesh object; ${objectLabel(winner)} is older and holds`
    return conditionSet({
      accepted: { status: 'False', reason: 'OlderMeshExists', message },
      conflicted: { reason: 'OlderMeshExists', message },
    })
  }
  const parsed = parseTrustDomain(mesh.spec.trustDomain ?? defaultTrustDomain)
  const position = mesh.positions.get('spec.trustDomain')
  const inUse = running?.trustDomain ?? defaultTrustDomain
  if (!parsed.ok) {
    const message = `${parsed.error}; ${inUse} is used, the modes take effect`
    return conditionSet({ accepted: { status: 'False', reason: 'InvalidTrustDomain', message, position } })
  }
  if (running === undefined || inUse === parsed.value) return conditionSet()
  if (running.isFixed) {
    if (mesh.spec.trustDomain === undefined) return conditionSet()
    const message = `the control plane was started with the trust domain ${inUse}, which holds in place of ${parsed.value}`
    return conditionSet({ accepted: { reason: 'Accepted', message, position } })
  }
  const message = `the mesh runs with the trust domain ${inUse}; ${parsed.value} takes its place when the control plane is started again, the modes take effect`
  return conditionSet({ accepted: { status: 'False', reason: 'RestartNeeded', message, position } })
}

function oldestMesh(meshes: readonly MeshObject[]): MeshObject | undefined {
  return meshes.toSorted((a, b) => compareAge(ageOf(a), ageOf(b)))[0]
}
