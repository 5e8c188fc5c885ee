import type { Origin } from '@tulle/api'
import { serviceKey } from '@tulle/mesh'
import type { Workload } from '@tulle/mesh'
import { describeMatch, nearestMisses, PortRoutes } from '@tulle/routing'
import type { RoutedRequest } from '@tulle/routing'
import { resilienceAt } from '@tulle/traffic'
import type {
  HttpEntry,
  HttpRule,
  PortTraffic,
  Resilience,
  RuleOrigin,
  WeightedBackend,
} from '@tulle/traffic'
import type { Answer, RequestLook, RouteLook } from './explanation.ts'
import type { Callee } from './find-party.ts'
import type { MeshModel } from './mesh-model.ts'
import { placeOf } from './text.ts'
import { filterText, limitTexts } from './traffic-text.ts'
import { calledService } from './waypoint-look.ts'

const maxMisses = 3

/** What routes make of a request, before anybody is asked whether it may be. */
export interface Routed {
  readonly look: Omit<RequestLook, 'backends' | 'answer'>
  /** With what share of the requests they get; none where nothing is asked. */
  readonly backends: readonly WeightedBackend[]
  readonly answer?: Answer
}

/** Why nobody reads requests on a port; undefined: a waypoint does. */
export function whyUnread(model: MeshModel, callee: Callee): string | undefined {
  const service = calledService(callee)
  if (service === undefined) return undefined
  const port = model.traffic.get(serviceKey(service))?.ports.find((one) => one.port === callee.port)
  const declared = service.ports.find(({ servicePort }) => servicePort === callee.port)?.appProtocol
  const protocol = port?.protocol ?? declared
  if (protocol !== 'tcp' && protocol !== 'tls') return undefined
  return `port ${callee.port} of Service ${service.namespace}/${service.name} is ${protocol}: nobody reads requests on it`
}

/** The way of a request by the routes that the waypoint goes by, and by its code. */
export function routeRequest(
  model: MeshModel,
  from: Workload,
  callee: Callee,
  request: RoutedRequest,
): Routed {
  const { method, host, path } = request
  const service = calledService(callee)
  const traffic = service === undefined ? undefined : model.traffic.get(serviceKey(service))
  const port = traffic?.ports.find((one) => one.port === callee.port)
  const found = findEntry(model, port, { from, request })
  const head = { method, host, path, misses: found.misses }
  if (!found.written) {
    const backend = { kind: 'service', service: service === undefined ? '' : serviceKey(service) } as const
    const backends = [{ backend: { ...backend, port: callee.port }, weight: 1, filters: [] }]
    const own = traffic === undefined ? undefined : resilienceAt(traffic, callee.port)
    const look = { ...head, filters: [], limits: limitTexts(undefined, own) }
    return { look, backends: service === undefined ? [] : backends }
  }
  if (found.entry === undefined) {
    const answer = { status: 404, why: 'no rule of the routes covers it' }
    return { look: { ...head, filters: [], limits: [] }, backends: [], answer }
  }
  const { rule } = found.entry
  const look = {
    ...head,
    route: routeLook(model, found.entry),
    filters: rule.filters.map(filterText),
    limits: limitTexts(rule, onlyResilience(model, rule)),
  }
  const answer = answerOf(rule)
  const backends = rule.backends.filter(({ weight }) => weight > 0)
  return answer === undefined ? { look, backends } : { look, backends: [], answer }
}

interface Found {
  /** Whether anybody wrote routes for this caller. */
  readonly written: boolean
  readonly entry?: HttpEntry
  readonly misses: RequestLook['misses']
}

function findEntry(
  model: MeshModel,
  port: PortTraffic | undefined,
  { from, request }: { readonly from: Workload; readonly request: RoutedRequest },
): Found {
  const routes = port === undefined ? undefined : new PortRoutes<HttpEntry>(port, (entry) => entry)
  const index = routes?.of(from.namespace)
  if (routes === undefined || index === undefined) return { written: false, misses: [] }
  const entry = index.find(request)
  const entries = routes.entriesOf(from.namespace)
  const before = entry === undefined ? entries : entries.slice(0, entries.indexOf(entry))
  const misses = nearestMisses(before, request, maxMisses).map((miss) => ({
    ...routeLook(model, miss.entry),
    why: miss.why,
  }))
  return { written: true, misses, ...(entry === undefined ? {} : { entry }) }
}

function routeLook(model: MeshModel, { match, rule }: HttpEntry): RouteLook {
  const { kind, namespace, name, rule: index, ruleName } = rule.origin
  const origin = placeOfRule(model, rule.origin)
  return {
    object: `${kind} ${namespace}/${name}`,
    rule: index,
    ...(ruleName === undefined ? {} : { ruleName }),
    ...(origin === undefined ? {} : { origin }),
    match: describeMatch(match),
  }
}

function placeOfRule(model: MeshModel, { kind, namespace, name, rule }: RuleOrigin): Origin | undefined {
  const key = `${kind}/${namespace}/${name}`
  if (kind === 'HTTPRoute' || kind === 'GRPCRoute') {
    const routes = kind === 'HTTPRoute' ? model.api.httpRoutes : model.api.grpcRoutes
    const route = routes.get(`gateway.networking.k8s.io/${key}`)
    return route === undefined ? undefined : placeOf(route, `spec.rules[${rule}]`)
  }
  return model.api.trafficSplits.get(`split.smi-spec.io/${key}`)?.origin
}

/** The answer of the waypoint itself, where a rule leaves nothing to ask. */
function answerOf(rule: HttpRule): Answer | undefined {
  const redirect = rule.filters.find(({ kind }) => kind === 'redirect')
  if (redirect?.kind === 'redirect') return { status: redirect.status, why: filterText(redirect) }
  if (rule.backends.some(({ weight }) => weight > 0)) return undefined
  return { status: rule.noBackendStatus, why: 'the rule leads to no backend' }
}

/** Where all requests of a rule go to one service, what is attached to that service holds for them. */
function onlyResilience(model: MeshModel, { backends }: HttpRule): Resilience | undefined {
  const [only, ...more] = backends.filter(({ weight }) => weight > 0)
  if (only?.backend.kind !== 'service' || more.length > 0) return undefined
  const traffic = model.traffic.get(only.backend.service)
  return traffic === undefined ? undefined : resilienceAt(traffic, only.backend.port)
}
