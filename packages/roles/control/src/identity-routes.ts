import type { ApiCollections, Origin } from '@tulle/api'
import { CaError } from '@tulle/ca'
import type { CertificateAuthority, RevocationLists, RootRotation, RotationStage } from '@tulle/ca'
import { errorText, linkedController } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { revocationType } from '@tulle/mesh-xds'
import { revocationListName } from '@tulle/outputs'
import { badRequest, json, snapshots } from '@tulle/runtime'
import type { AdminReply, AdminRequest, AdminRoute } from '@tulle/runtime'
import type { Belief } from './belief.ts'
import { awaitSpread } from './spread.ts'
import type { Laggard, SpreadInputs } from './spread.ts'

/** One revoked identity or serial, and who says so. */
export interface RevocationView {
  readonly kind: 'identity' | 'serial'
  readonly value: string
  /** `tulle revoke`, or `Revocation NAME`. */
  readonly by: string
  /** Where the object stands; absent for what was revoked by command. */
  readonly origin?: Origin
}

/** The answer to `revoke` and `reinstate`. */
export interface RevokeView {
  readonly revision: number
  /** Identities that are revoked and that no workload of the mesh has: a slip of the pen, or one that left. */
  readonly unknown: readonly string[]
  /** Revoked all the same, by objects: they are taken back where they are written. */
  readonly written: readonly RevocationView[]
  /** How many nodes have it in force. */
  readonly nodes: number
  readonly missing: readonly Laggard[]
}

export interface RotationView {
  /** Undefined where no root is being replaced. */
  readonly rotation:
    | {
        readonly stage: RotationStage
        readonly from: string
        readonly to: string
        readonly startedAt: string
        readonly atTheLatest: string
        readonly waitsFor: readonly string[]
      }
    | undefined
  readonly roots: readonly {
    readonly name: string
    readonly signs: boolean
    readonly hasKey: boolean
    readonly notAfter: string
  }[]
}

export interface IdentityRoutesInputs {
  readonly authority: CertificateAuthority
  readonly rotation: RootRotation
  readonly belief: Belief
  readonly api: Pick<ApiCollections, 'revocations'>
  readonly spread: SpreadInputs
  readonly hasWorkload: (identity: string) => boolean
  readonly clock: Clock
}

const maxEntries = 1000
const waitMs = 10_000

/** Revocations by command, and the replacement of the root. */
export function identityRoutes(inputs: IdentityRoutesInputs): readonly AdminRoute[] {
  const { authority } = inputs
  return [
    { method: 'GET', path: '/v1/revocations', handle: (request) => list(inputs, request) },
    {
      method: 'POST',
      path: '/v1/revoke',
      handle: (request) => change(inputs, request, (lists) => authority.revoke(lists)),
    },
    {
      method: 'POST',
      path: '/v1/reinstate',
      handle: (request) => change(inputs, request, (lists) => authority.reinstate(lists)),
    },
    { method: 'GET', path: '/v1/rotation', handle: () => json(rotationView(inputs)) },
    { method: 'POST', path: '/v1/rotate-root', handle: () => rotate(inputs) },
  ]
}

function list(inputs: IdentityRoutesInputs, { query, signal }: AdminRequest): AdminReply {
  const take = (): ReturnType<typeof revocationList> => revocationList(inputs)
  if (query.get('watch') !== '1') return json(take())
  const subscribe = (onChange: () => void): Disposable => inputs.belief.lists.subscribe(onChange)
  return { kind: 'lines', values: snapshots({ subscribe, take }, signal) }
}

function revocationList({ belief, api, spread }: IdentityRoutesInputs): {
  readonly revision: number
  readonly items: readonly RevocationView[]
} {
  const objects = new Map(
    Array.from(api.revocations.entries(), ([, object]) => [revocationListName(object), object] as const),
  )
  const items = Array.from(belief.lists.entries(), ([name, { identities, serials }]) => {
    const object = objects.get(name)
    const source =
      object === undefined
        ? { by: 'tulle revoke' }
        : { by: `Revocation ${object.metadata.name}`, origin: object.origin }
    return [
      ...identities.map((value) => ({ kind: 'identity' as const, value, ...source })),
      ...serials.map((value) => ({ kind: 'serial' as const, value, ...source })),
    ]
  })
  return { revision: spread.graph.revision, items: items.flat() }
}

/** `?identity=…&serial=…`, any number of each: answers when every node has it in force, or says where it has not. */
async function change(
  inputs: IdentityRoutesInputs,
  { query, signal }: AdminRequest,
  run: (lists: RevocationLists) => Promise<void>,
): Promise<AdminReply> {
  const lists = { identities: query.getAll('identity'), serials: query.getAll('serial') }
  const entries = lists.identities.length + lists.serials.length
  if (entries === 0 || entries > maxEntries)
    return badRequest(`expected 1–${maxEntries} identities and serials`)
  try {
    await run(lists)
  } catch (error) {
    if (error instanceof CaError && error.code === 'CA_BAD_REVOCATIONS') return badRequest(errorText(error))
    throw error
  }
  const { belief, spread, clock, hasWorkload } = inputs
  await belief.settled()
  const { revision } = spread.graph
  using life = linkedController(signal)
  using _timer = clock.after(waitMs, () => life.abort(new Error('the time is up')))
  const missing = await awaitSpread(spread, revocationType, { revision, signal: life.signal })
  const connected = spread.receipts.nodes().filter((node) => node.connected)
  const behind = new Set(missing.map(({ node }) => node))
  const asked = new Set<string>([...lists.identities, ...lists.serials])
  const view: RevokeView = {
    revision,
    unknown: lists.identities.filter((identity) => !hasWorkload(identity)),
    written: revocationList(inputs).items.filter(
      ({ value, origin }) => origin !== undefined && asked.has(value),
    ),
    nodes: connected.filter(({ node }) => !behind.has(node)).length,
    missing,
  }
  return json(view)
}

async function rotate(inputs: IdentityRoutesInputs): Promise<AdminReply> {
  try {
    await inputs.rotation.begin()
  } catch (error) {
    if (error instanceof CaError && error.code === 'CA_ROTATION') return badRequest(errorText(error))
    throw error
  }
  return json(rotationView(inputs))
}

function rotationView({ authority, rotation }: IdentityRoutesInputs): RotationView {
  const { status } = rotation
  const time = (ms: number): string => new Date(ms).toISOString()
  return {
    rotation: status && {
      stage: status.stage,
      from: status.from,
      to: status.to,
      startedAt: time(status.startedMs),
      atTheLatest: time(status.atTheLatestMs),
      waitsFor: status.waitsFor,
    },
    roots: authority.roots.map(({ name, signs, hasKey, notAfterMs }) => ({
      name,
      signs,
      hasKey,
      notAfter: time(notAfterMs),
    })),
  }
}
