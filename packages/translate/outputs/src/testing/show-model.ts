import type { Condition } from '@tulle/api'
import { must } from '@tulle/core'
import { spiffeId } from '@tulle/identity'
import { serviceKey, workloadIdentity } from '@tulle/mesh'
import type { Service, Workload } from '@tulle/mesh'
import { policyKey } from '@tulle/policy'
import type { AuthorizationPolicy, Match, StringMatch } from '@tulle/policy'
import { stringify } from 'yaml'
import { explainConnection } from '../explain.ts'
import type { ExplainQuery } from '../explanation.ts'
import type { MeshModel } from '../mesh-model.ts'
import { meshWarnings } from '../warnings.ts'

/** What a golden file shows of a model: what matters, in the order of keys, without what is usual. */
export function showModel(model: MeshModel, calls: readonly ExplainQuery[]): string {
  const shown = {
    workloads: list(model.workloads.entries(), showWorkload),
    services: list(model.services.entries(), showService),
    policies: list(model.policies.entries(), showPolicy),
    ...some(
      'revocations',
      list(model.revocations.entries(), (revocations) => revocations),
    ),
    conditions: Object.fromEntries(
      Array.from(
        model.conditions.entries(),
        ([key, conditions]) => [key, conditions.map(showCondition)] as const,
      ),
    ),
    warnings: meshWarnings(model).map(
      ({ object, reason, message }) => `${object || 'mesh'}: ${reason}: ${message}`,
    ),
    calls: calls.map((query) => showCall(model, query)),
  }
  return stringify(shown, { lineWidth: 0 })
}

function list<V>(entries: Iterable<readonly [string, V]>, show: (value: V) => unknown): readonly unknown[] {
  return Array.from(entries, ([, value]) => show(value))
}

function showWorkload(workload: Workload): unknown {
  const { uid, addresses, tunnel, node, policies, services } = workload
  const ports = Array.from(services, ([key, mappings]) => {
    const list = mappings.map(({ servicePort, targetPort }) => `${servicePort} -> ${targetPort}`)
    return [key, list.join(', ')] as const
  })
  return {
    uid,
    identity: spiffeId(workloadIdentity(workload)),
    addresses,
    tunnel,
    node,
    services: Object.fromEntries(ports),
    policies,
  }
}

function showService(service: Service): unknown {
  return {
    key: serviceKey(service),
    addresses: service.addresses.map(({ address }) => address),
    ports: service.ports.map(
      ({ servicePort, targetPort, appProtocol }) =>
        `${servicePort} -> ${targetPort || 'named'} (${appProtocol})`,
    ),
    ...some('prefers', service.loadBalancing?.preference ?? []),
  }
}

function showPolicy(policy: AuthorizationPolicy): unknown {
  return {
    key: policyKey(policy),
    says: `${policy.dryRun ? 'would ' : ''}${policy.action}, ${policy.scope}`,
    rules: policy.rules.map(({ clauses }) => clauses.map(({ matches }) => matches.map(showMatch))),
  }
}

function showMatch(match: Match): unknown {
  return {
    ...some('principals', match.principals.map(showString)),
    ...some('notPrincipals', match.notPrincipals.map(showString)),
    ...some('destinationPorts', match.destinationPorts),
    ...some(
      'destinationIps',
      match.destinationIps.map(({ address, prefixBits }) => `${address}/${prefixBits}`),
    ),
  }
}

function showString(match: StringMatch): string {
  return match.kind === 'presence' ? '*' : `${match.kind} ${match.value}`
}

function some(name: string, entries: readonly unknown[]): Readonly<Record<string, unknown>> {
  return entries.length === 0 ? {} : { [name]: entries }
}

function showCondition({ type, status, reason, message, position }: Condition): string {
  const place = position === undefined ? '' : ` (${position.file}:${position.line}:${position.column})`
  return `${type}=${status} ${reason}${message === '' ? '' : `: ${message}`}${place}`
}

function showCall(model: MeshModel, query: ExplainQuery): unknown {
  const explained = explainConnection(model, query)
  if (!explained.ok) return { call: `${query.from} -> ${query.to}`, error: explained.error }
  const { summary, rule, changes, encrypted } = must(explained)
  const decided =
    rule?.origin === undefined ? {} : { rule: `${rule.path ?? ''} ${rule.origin.file}:${rule.origin.line}` }
  return { summary, encrypted, ...decided, changes }
}
