import type { Condition } from '@tulle/api'
import { describeOrigin } from '@tulle/traffic'
import type {
  Backend,
  HttpEntry,
  HttpFilter,
  HttpMatch,
  HttpRule,
  NamedMatch,
  PortTraffic,
  Routes,
  ServiceTraffic,
  UpstreamTls,
  ValueMatch,
  WeightedBackend,
} from '@tulle/traffic'
import { stringify } from 'yaml'
import type { MeshModel } from '../mesh-model.ts'

/** What a golden file shows of the traffic of a model, and of what is said about the objects that it came from. */
export function showTraffic(model: MeshModel): string {
  const conditions = Array.from(
    model.conditions.entries(),
    ([key, list]) => [key, list.map(showCondition)] as const,
  )
  const shown = {
    traffic: Object.fromEntries(
      Array.from(model.traffic.entries(), ([service, traffic]) => [service, showService(traffic)] as const),
    ),
    conditions: Object.fromEntries(
      conditions.filter(([key]) => /gateway|split|specs|TrafficPolicy/u.test(key)),
    ),
  }
  // What two places share is written out in both: who shares an object is nobody's business.
  return stringify(shown, { lineWidth: 0, aliasDuplicateObjects: false })
}

function showService({ ports, resilience, upstreamTls }: ServiceTraffic): unknown {
  return {
    ...Object.fromEntries(ports.map((port) => [`${port.port} (${port.protocol})`, showPort(port)] as const)),
    ...(resilience === undefined ? {} : { resilience }),
    ...(upstreamTls === undefined ? {} : { tls: upstreamTls.map(showTls) }),
  }
}

function showTls({ service, port, terms }: UpstreamTls): unknown {
  const to = showBackend({ kind: 'service', service, port })
  if (terms === undefined) return { [to]: 'not to be met' }
  const { serverName, roots, subjectAltNames } = terms
  const names = subjectAltNames.map(({ kind, value }) => `${kind} ${value}`)
  return { [to]: { serverName, roots: roots.kind, ...(names.length === 0 ? {} : { names }) } }
}

function showPort({ producer, consumers, resilience }: PortTraffic): unknown {
  return {
    ...(producer === undefined ? {} : { everybody: showRoutes(producer) }),
    ...Object.fromEntries(
      Array.from(consumers, ([callers, routes]) => [`callers of ${callers}`, showRoutes(routes)] as const),
    ),
    ...(resilience === undefined ? {} : { resilience }),
  }
}

function showRoutes(routes: Routes): unknown {
  switch (routes.kind) {
    case 'http':
      return routes.entries.map(showEntry)
    case 'tls':
      return routes.entries.map(({ hostnames, origin, backends }) => ({
        [`server name ${hostnames.join(', ') || 'any'}`]: {
          by: describeOrigin(origin),
          to: backends.map(showWeighted),
        },
      }))
    case 'tcp':
      return { connections: { by: describeOrigin(routes.origin), to: routes.backends.map(showWeighted) } }
  }
}

function showEntry({ match, rule }: HttpEntry): unknown {
  return { [showMatch(match)]: showRule(rule) }
}

function showRule(rule: HttpRule): unknown {
  const { origin, filters, backends, noBackendStatus, requestTimeoutMs, attemptTimeoutMs, ...rest } = rule
  return {
    by: describeOrigin(origin),
    ...(filters.length === 0 ? {} : { filters: filters.map(showFilter) }),
    to: backends.length === 0 ? noBackendStatus : backends.map(showWeighted),
    ...(requestTimeoutMs === 0 ? {} : { requestTimeoutMs }),
    ...(attemptTimeoutMs === 0 ? {} : { attemptTimeoutMs }),
    ...rest,
  }
}

function showMatch({ path, methods, headers, query }: HttpMatch): string {
  const parts = [
    methods.join('|'),
    path === undefined
      ? ''
      : path.kind === 'pattern'
        ? `path ~ ${path.pattern.source} (${path.pattern.anchor})`
        : `${path.kind} ${path.path}`,
    ...headers.map((header) => `header ${showNamed(header)}`),
    ...query.map((parameter) => `query ${showNamed(parameter)}`),
  ]
  return parts.filter((part) => part !== '').join(', ') || 'any request'
}

function showNamed({ name, value }: NamedMatch): string {
  return `${name} ${showValue(value)}`
}

function showValue(value: ValueMatch): string {
  return value.kind === 'exact' ? `= ${value.value}` : `~ ${value.pattern.source} (${value.pattern.anchor})`
}

function showWeighted({ backend, weight, filters }: WeightedBackend): unknown {
  const text = `${weight} × ${showBackend(backend)}`
  return filters.length === 0 ? text : { [text]: filters.map(showFilter) }
}

function showBackend(backend: Backend): string {
  if (backend.kind === 'invalid') return `${backend.status} ${backend.reason}`
  return `${backend.service.replace('.svc.cluster.local', '')}:${backend.port}`
}

function showFilter({ kind, ...rest }: HttpFilter): unknown {
  return { [kind]: 'backend' in rest ? { ...rest, backend: showBackend(rest.backend) } : rest }
}

function showCondition(condition: Condition): string {
  const { type, status, reason, message, position, observedGeneration, parent } = condition
  const place = position === undefined ? '' : ` (${position.line}:${position.column})`
  const generation = observedGeneration === undefined ? '' : ` of generation ${observedGeneration}`
  const at = parent === undefined ? '' : `[${parent.index} ${parent.label}] `
  return `${at}${type}=${status} ${reason}${generation}${message === '' ? '' : `: ${message}`}${place}`
}
