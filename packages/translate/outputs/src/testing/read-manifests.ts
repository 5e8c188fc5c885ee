import type {
  AnyObject,
  MeshSpec,
  Origin,
  RevocationSpec,
  ServiceSpec,
  SubjectSpec,
  WorkloadSpec,
} from '@tulle/api'
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import {
  httpRouteGroup,
  mesh,
  namespaceObject,
  revocation,
  service,
  serviceAccount,
  tcpRoute,
  trafficTarget,
  udpRoute,
  workload,
} from './objects.ts'
import type { Meta, TargetParts } from './objects.ts'

/**
 * Reads manifests of test cases as they are meant, unchecked: what a user may get wrong in writing is the business of
 * the real reader, and the cases here are about what follows.
 */
export function readManifests(text: string, file: string): readonly AnyObject[] {
  const lines = new LineCounter()
  return parseAllDocuments(text, { lineCounter: lines }).map((document) => {
    const positions = new Map<string, Origin>()
    const originAt = (offset: number): Origin => {
      const { line, col } = lines.linePos(offset)
      return { file, line, column: col }
    }
    note(document.contents, '', (path, offset) => positions.set(path, originAt(offset)))
    const written = document.toJS() as Written
    const origin = originAt(document.contents?.range?.[0] ?? 0)
    return objectOf(written, { ...metaOf(written), origin, positions })
  })
}

/** A document as the test cases write it. */
interface Written {
  readonly kind: string
  readonly metadata: { readonly name: string } & Meta
  readonly spec?: unknown
}

function metaOf({ metadata }: Written): Meta {
  const { namespace = 'default', labels = {}, creationTimestamp } = metadata
  return { namespace, labels, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) }
}

type Reader = (name: string, spec: unknown, meta: Meta) => AnyObject

// Each reader takes the cases at their word: they are ours, and written in the shape of their kind.
const readers: Readonly<Record<string, Reader>> = {
  Namespace: (name, _spec, meta) => namespaceObject(name, meta),
  ServiceAccount: (name, _spec, meta) => serviceAccount(name, meta),
  Mesh: (name, spec, meta) => mesh(spec as Partial<MeshSpec>, { ...meta, name }),
  Revocation: (name, spec, meta) => revocation(name, spec as Partial<RevocationSpec>, meta),
  Service: (name, spec, meta) => {
    const { selector = {}, ports = [], ...rest } = spec as Partial<ServiceSpec>
    const full = ports.map((port) => ({ ...port, protocol: port.protocol ?? 'TCP' }))
    return service(name, { ...rest, selector, ports: full }, meta)
  },
  Workload: (name, spec, meta) => {
    const written = spec as Partial<WorkloadSpec>
    return workload(
      name,
      { serviceAccount: 'default', hbone: written.address === undefined, ...written },
      meta,
    )
  },
  TrafficTarget: (name, spec, meta) => {
    const { destination, sources, rules } = spec as WrittenTarget
    const own = ({ namespace = meta.namespace ?? '', ...subject }: WrittenSubject): SubjectSpec => ({
      ...subject,
      namespace,
    })
    return trafficTarget(name, { destination: own(destination), sources: sources.map(own), rules }, meta)
  },
  TCPRoute: (name, spec, meta) => tcpRoute(name, (spec as PortMatches).matches.ports, meta),
  UDPRoute: (name, spec, meta) => udpRoute(name, (spec as PortMatches).matches.ports, meta),
  HTTPRouteGroup: (name, spec, meta) =>
    httpRouteGroup(
      name,
      (spec as HttpMatches).matches.map((match) => match.name),
      meta,
    ),
}

type WrittenSubject = Omit<SubjectSpec, 'namespace'> & { readonly namespace?: string }

interface WrittenTarget extends Pick<TargetParts, 'rules'> {
  readonly destination: WrittenSubject
  readonly sources: readonly WrittenSubject[]
}

interface PortMatches {
  readonly matches: { readonly ports: readonly number[] }
}

interface HttpMatches {
  readonly matches: readonly { readonly name: string }[]
}

function objectOf({ kind, metadata, spec = {} }: Written, meta: Meta): AnyObject {
  const reader = readers[kind]
  if (reader === undefined) throw new TypeError(`a test case has a ${kind}`)
  return reader(metadata.name, spec, meta)
}

function note(node: unknown, path: string, at: (path: string, offset: number) => void): void {
  if (isScalar(node) || isMap(node) || isSeq(node)) at(path, node.range?.[0] ?? 0)
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : ''
      note(value, path === '' ? name : `${path}.${name}`, at)
    }
  }
  if (isSeq(node)) for (const [i, item] of node.items.entries()) note(item, `${path}[${i}]`, at)
}
