import type { AnyObject, Origin, SubjectSpec } from '@tulle/api'
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import {
  httpRouteGroup,
  mesh,
  namespaceObject,
  service,
  serviceAccount,
  tcpRoute,
  trafficTarget,
  udpRoute,
  workload,
} from './objects.ts'
import type { Meta } from './objects.ts'

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
  // The fields differ from kind to kind, and the cases are ours.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly spec: any
}

function metaOf({ metadata }: Written): Meta {
  const { namespace = 'default', labels = {}, creationTimestamp } = metadata
  return { namespace, labels, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) }
}

type Reader = (name: string, spec: Written['spec'], meta: Meta) => AnyObject

const readers: Readonly<Record<string, Reader>> = {
  Namespace: (name, _spec, meta) => namespaceObject(name, meta),
  ServiceAccount: (name, _spec, meta) => serviceAccount(name, meta),
  Mesh: (name, spec, meta) => mesh(spec, { ...meta, name }),
  Service: (name, spec, meta) => {
    const ports = spec.ports.map((port: object) => ({ protocol: 'TCP', ...port }))
    return service(name, { ...spec, selector: spec.selector ?? {}, ports }, meta)
  },
  Workload: (name, spec, meta) =>
    workload(name, { serviceAccount: 'default', hbone: spec.address === undefined, ...spec }, meta),
  TrafficTarget: (name, { destination, sources, rules }, meta) => {
    const subject = (entry: Partial<SubjectSpec> & Pick<SubjectSpec, 'kind' | 'name'>): SubjectSpec => ({
      ...entry,
      namespace: entry.namespace ?? meta.namespace ?? '',
    })
    return trafficTarget(
      name,
      { destination: subject(destination), sources: sources.map(subject), rules },
      meta,
    )
  },
  TCPRoute: (name, spec, meta) => tcpRoute(name, spec.matches.ports, meta),
  UDPRoute: (name, spec, meta) => udpRoute(name, spec.matches.ports, meta),
  HTTPRouteGroup: (name, spec, meta) => {
    const names = spec.matches.map((match: { name: string }) => match.name)
    return httpRouteGroup(name, names, meta)
  },
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
