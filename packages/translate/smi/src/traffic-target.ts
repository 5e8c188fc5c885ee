import type { ApiCollections, Condition, TrafficTargetObject } from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Collection, Graph, Index, Look, Singleton } from '@tulle/collections'
import type { Workload } from '@tulle/mesh'
import type { AccessPolicy } from '@tulle/access'
import type { AuthorizationPolicy } from '@tulle/policy'
import { conditionSet, serviceAccountObjectKey } from '@tulle/workloads'
import type { MeshSettings } from '@tulle/workloads'
import { accessRules } from './access-rules.ts'
import { buildAccess, buildPolicy } from './build-policy.ts'
import type { Destination } from './build-policy.ts'
import { l4Rules } from './l4-rules.ts'
import { resolveRules } from './resolve-rules.ts'
import type { ResolvedRule } from './resolve-rules.ts'
import { accountKey, destinationOf, principalOf, sourcesOf, unsupported } from './subjects.ts'
import type { Account, Sources, SubjectProblem } from './subjects.ts'
import { acceptedNote, programmedNote, resolvedRefsNote } from './target-notes.ts'

/** A TrafficTarget, read. */
export interface TargetTranslation {
  readonly key: string
  /** Whom it names; absent where it names nobody, or may not. */
  readonly destination?: Account
  readonly sources: Sources['accounts']
  readonly rules: readonly ResolvedRule[]
  /** Attached to every workload that runs as the destination. */
  readonly policy?: AuthorizationPolicy
  /** For each rule of the policy, the place in `spec.rules` that it came from. */
  readonly ruleIndexes: readonly number[]
  /** The same as a waypoint enforces it, and the places of its rules. */
  readonly access?: AccessPolicy
  readonly accessRuleIndexes: readonly number[]
  readonly conditions: readonly Condition[]
}

export interface TargetInputs {
  readonly api: ApiCollections
  readonly settings: Singleton<MeshSettings>
  readonly workloadsByAccount: Index<Workload>
  /** The ports that each workload is known to listen on, by uid. */
  readonly workloadPorts: Collection<readonly number[]>
}

/** Targets as read, keyed by `objectKey`. */
export function deriveTargets(graph: Graph, inputs: TargetInputs): Collection<TargetTranslation> {
  return graph.derive('traffic-targets', inputs.api.trafficTargets, (target, look) =>
    translateTarget(target, look, inputs),
  )
}

export function translateTarget(
  target: TrafficTargetObject,
  look: Look,
  inputs: TargetInputs,
): TargetTranslation {
  const { namespace } = target.metadata
  const { destination } = target.spec
  if (destination.namespace !== namespace) return elsewhere(target)
  const account = destinationOf(target)
  const sources = sourcesOf(target)
  const rules = resolveRules(target, look, inputs.api)
  const destinations = account === undefined ? [] : destinationsOf(account, look, inputs)
  const { access, trustDomain } = look.the(inputs.settings)
  const open = l4Rules(rules)
  const facts = {
    target,
    access,
    sources: withDestination(target, sources),
    rules,
    destinations,
    unknown: unknownSources(target, sources, { look, inputs }),
  }
  const principals = [...new Set(sources.accounts.map((source) => principalOf(source, trustDomain)))]
  const parts = { principals, destinations, dryRun: access === 'audit' }
  const policy = buildPolicy(target, { ...parts, rules: open })
  const reading = accessRules(rules)
  const accessPolicy = buildAccess(target, { ...parts, rules: reading })
  return {
    key: objectKey(target),
    ...(account === undefined ? {} : { destination: account, policy, access: accessPolicy }),
    sources: sources.accounts,
    rules,
    ruleIndexes: policy.rules.length === 0 ? [] : open.map(({ index }) => index),
    accessRuleIndexes: accessPolicy.rules.length === 0 ? [] : reading.map(({ index }) => index),
    conditions: conditionSet({
      accepted: acceptedNote(facts),
      resolvedRefs: resolvedRefsNote(facts),
      programmed: programmedNote(facts),
    }),
  }
}

/** Who may write in one namespace may not open or close workloads of another (§9.3). */
function elsewhere(target: TrafficTargetObject): TargetTranslation {
  const { namespace } = target.metadata
  const message = `a TrafficTarget speaks for its own namespace ${namespace}, not for ${target.spec.destination.namespace}; it is not applied`
  const position = target.positions.get('spec.destination.namespace')
  return {
    key: objectKey(target),
    sources: [],
    rules: [],
    ruleIndexes: [],
    accessRuleIndexes: [],
    conditions: conditionSet({
      accepted: { status: 'False', reason: 'DestinationInOtherNamespace', message, position },
    }),
  }
}

function withDestination(target: TrafficTargetObject, sources: Sources): Sources {
  const { destination } = target.spec
  if (destination.kind === 'ServiceAccount') return sources
  return { ...sources, problems: [unsupported(target, destination, 'spec.destination'), ...sources.problems] }
}

function destinationsOf(account: Account, look: Look, inputs: TargetInputs): readonly Destination[] {
  return look.by(inputs.workloadsByAccount, accountKey(account)).map((workload) => ({
    workload,
    ownPorts: look.one(inputs.workloadPorts, workload.uid) ?? [],
  }))
}

interface Context {
  readonly look: Look
  readonly inputs: TargetInputs
}

/** Sources that stand in the policy all the same, but that nobody runs as and no object declares. */
function unknownSources(
  target: TrafficTargetObject,
  sources: Sources,
  { look, inputs }: Context,
): readonly SubjectProblem[] {
  return sources.accounts.flatMap((source) => {
    if (source.serviceAccount === 'default') return []
    const object = look.one(
      inputs.api.serviceAccounts,
      serviceAccountObjectKey(source.namespace, source.serviceAccount),
    )
    if (object !== undefined || look.by(inputs.workloadsByAccount, accountKey(source)).length > 0) return []
    const path = `spec.sources[${source.index}]`
    return [
      {
        message: `${path}: there is no ServiceAccount ${accountKey(source)}, and no workload runs as it`,
        position: target.positions.get(`${path}.name`),
      },
    ]
  })
}
