import { SessionEndpoints, SessionTokens } from '@tulle/balance'
import type { Clock } from '@tulle/core'
import type { Fields } from '@tulle/http1'
import type { SessionPersistence } from '@tulle/traffic'
import type { Cluster } from './upstream/cluster.ts'

/** An endpoint of one of the services that a session may be with. */
export interface SessionPlace {
  readonly cluster: Cluster
  /** The endpoint's key. */
  readonly endpoint: string
}

/** Of one request. A client has one, or one for each path that it was given it for. */
const maxTokens = 8

/** What is kept of sessions at once; beyond that all keepers are made anew, and read the same tokens. */
const maxKeepers = 10_000

/** The sessions of a proxy: which token leads where. Nothing of a client is kept. */
export class Sessions {
  readonly #secret: Uint8Array
  readonly #clock: Clock
  readonly #keepers: Map<string, SessionKeeper> = new Map()

  /** `secret`: at least 16 bytes, the same for whoever is to read each other's tokens. */
  constructor(secret: Uint8Array, clock: Clock) {
    this.#secret = secret
    this.#clock = clock
  }

  /** `scope` tells sessions with one name apart: those of one say nothing to another. */
  keeperOf(session: SessionPersistence, scope: string): SessionKeeper {
    const key = `${session.kind} ${session.name} ${session.absoluteTimeoutMs} ${scope}`
    const known = this.#keepers.get(key)
    if (known !== undefined) return known
    const { absoluteTimeoutMs } = session
    const tokens = new SessionTokens({ secret: this.#secret, scope: key, absoluteTimeoutMs }, this.#clock)
    const made = new SessionKeeper(session, new SessionEndpoints(tokens))
    if (this.#keepers.size >= maxKeepers) this.#keepers.clear()
    this.#keepers.set(key, made)
    return made
  }
}

/** The sessions of one rule, or of one service. */
export class SessionKeeper {
  readonly #session: SessionPersistence
  readonly #endpoints: SessionEndpoints

  constructor(session: SessionPersistence, endpoints: SessionEndpoints) {
    this.#session = session
    this.#endpoints = endpoints
  }

  /** Where the request's session leads; undefined where it has none, or its endpoint is gone. */
  find(fields: Fields, clusters: readonly Cluster[]): SessionPlace | undefined {
    const tokens = this.#tokensIn(fields)
    if (tokens.length === 0) return undefined
    const places = clusters.flatMap(placesOf)
    for (const token of tokens) {
      const name = this.#endpoints.keyOf(token, () => places.map(nameOf))
      const place = name === undefined ? undefined : places.find((one) => nameOf(one) === name)
      if (place !== undefined) return place
    }
    return undefined
  }

  /** Tells the client how to come back to the endpoint that answered. */
  mark(place: SessionPlace, fields: Fields): void {
    const name = nameOf(place)
    const token = this.#endpoints.tokenFor(name) ?? this.#tokenOfNew(name, place.cluster)
    if (token === undefined) return
    const { kind, name: carrier, absoluteTimeoutMs } = this.#session
    if (kind === 'header') {
      fields.set(carrier.toLowerCase(), token)
      return
    }
    const age = absoluteTimeoutMs > 0 ? `; Max-Age=${Math.ceil(absoluteTimeoutMs / 1000)}` : ''
    fields.append('set-cookie', `${carrier}=${token}; Path=/; HttpOnly${age}`)
  }

  #tokenOfNew(name: string, cluster: Cluster): string | undefined {
    this.#endpoints.replace(placesOf(cluster).map(nameOf))
    return this.#endpoints.tokenFor(name)
  }

  /** Of each no more than are looked at. @see RFC 6265 §4.2.1 */
  #tokensIn(fields: Fields): readonly string[] {
    const { kind, name } = this.#session
    if (kind === 'header') return fields.values(name.toLowerCase()).slice(0, maxTokens)
    return fields
      .values('cookie')
      .flatMap((line) => cookiesIn(line, `${name}=`))
      .slice(0, maxTokens)
  }
}

/** Values of the first cookies of a line that begin so. */
function cookiesIn(line: string, prefix: string): readonly string[] {
  const values: string[] = []
  for (let at = line.indexOf(prefix); at >= 0 && values.length < maxTokens;) {
    const semicolon = line.indexOf(';', at)
    const end = semicolon < 0 ? line.length : semicolon
    if (isBeginning(line, at)) values.push(line.slice(at + prefix.length, end).trim())
    at = line.indexOf(prefix, end)
  }
  return values
}

/** Whether a cookie begins there: at the line's beginning or behind a semicolon, and blanks. */
function isBeginning(line: string, at: number): boolean {
  let before = at - 1
  while (line[before] === ' ' || line[before] === '\t') before--
  return before < 0 || line[before] === ';'
}

function placesOf(cluster: Cluster): readonly SessionPlace[] {
  return Array.from(cluster.balancer.endpoints, ({ key }) => ({ cluster, endpoint: key }))
}

function nameOf({ cluster, endpoint }: SessionPlace): string {
  return `${cluster.service}:${cluster.port} ${endpoint}`
}
