import { PortRoutes } from '@tulle/routing'
import { describeOrigin } from '@tulle/traffic'
import type { HttpRule, PortProtocol, PortTraffic, Resilience, ServiceTraffic } from '@tulle/traffic'
import { compileRule } from './compiled-rule.ts'
import type { CompiledRule } from './compiled-rule.ts'
import type { RequestView } from './request-view.ts'
import { tlsLookup } from '@tulle/traffic'
import type { TlsLookup } from '@tulle/traffic'

/** The requests to one port of one service. */
export interface RoutedPort {
  readonly port: number
  readonly protocol: PortProtocol
  /** The rule of a request; undefined: none covers it, which is answered 404. */
  find(request: RequestView, callerNamespace: string): CompiledRule | undefined
}

export interface CompiledTable {
  readonly table: RouteTable
  /** What of it can match nothing or do nothing, and why: each in a line. */
  readonly problems: readonly string[]
}

/** The traffic configuration of one service, made ready for requests. It never changes: a new configuration is a new table. */
export class RouteTable {
  readonly service: string
  readonly resilience: Resilience | undefined
  readonly #ports: ReadonlyMap<number, RoutedPort>

  private constructor(traffic: ServiceTraffic, ports: ReadonlyMap<number, RoutedPort>) {
    this.service = traffic.service
    this.resilience = traffic.resilience
    this.#ports = ports
  }

  static compile(traffic: ServiceTraffic): CompiledTable {
    const problems: string[] = []
    const tlsOf = tlsLookup(traffic)
    const ports = traffic.ports.map(
      (port) => new CompiledPort({ service: traffic.service, tlsOf, problems }, port),
    )
    const table = new RouteTable(traffic, new Map(ports.map((port) => [port.port, port])))
    return { table, problems }
  }

  port(port: number): RoutedPort | undefined {
    return this.#ports.get(port)
  }
}

interface PortContext {
  readonly service: string
  readonly tlsOf: TlsLookup
  readonly problems: string[]
}

class CompiledPort implements RoutedPort {
  readonly port: number
  readonly protocol: PortProtocol
  readonly #own: CompiledRule
  readonly #routes: PortRoutes<CompiledRule>

  constructor({ service, tlsOf, problems }: PortContext, traffic: PortTraffic) {
    this.port = traffic.port
    this.protocol = traffic.protocol
    this.#own = compileRule(ownEndpoints(service, traffic.port), tlsOf).compiled
    const rules = new Map<HttpRule, CompiledRule>()
    this.#routes = new PortRoutes(traffic, ({ rule }) => {
      const known = rules.get(rule)
      if (known !== undefined) return known
      const made = compileRule(rule, tlsOf)
      problems.push(...made.problems)
      rules.set(rule, made.compiled)
      return made.compiled
    })
    for (const { entry, why } of this.#routes.problems)
      problems.push(`${describeOrigin(entry.rule.origin)}: ${why}`)
  }

  /** Routes replace what would happen without them: where none of them matches, nothing does. */
  find(request: RequestView, callerNamespace: string): CompiledRule | undefined {
    const index = this.#routes.of(callerNamespace)
    return index === undefined ? this.#own : index.find(request)
  }
}

/** What happens to requests that no route speaks of. */
function ownEndpoints(service: string, port: number): HttpRule {
  const [namespace = '', name = service] = service.split('/')
  return {
    origin: { kind: 'static', namespace, name, rule: 0 },
    filters: [],
    backends: [{ backend: { kind: 'service', service, port }, weight: 1, filters: [] }],
    noBackendStatus: 503,
    requestTimeoutMs: 0,
    attemptTimeoutMs: 0,
  }
}
