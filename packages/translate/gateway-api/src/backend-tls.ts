import type { ApiCollections, BackendTlsPolicyObject, ServicePortSpec } from '@tulle/api'
import type { Collection, Graph, Index, Look } from '@tulle/collections'
import type { TlsTerms } from '@tulle/traffic'
import { ageOf, clusterServiceKey, compareAge, objectLabel, serviceObjectKey } from '@tulle/workloads'
import { parseCertificates } from '@tulle/x509'
import { portsOf } from './parents.ts'
import { problemAt } from './problem-notes.ts'
import type { FieldProblem } from './problem-notes.ts'

/** What a port of a Service is under. */
export interface PortTls {
  /** `BackendTLSPolicy bookstore/books`. */
  readonly policy: string
  /** Absent: the policy can't be met, and nothing may go there. */
  readonly terms?: TlsTerms
}

/** By number of the port. */
export type TlsByPort = ReadonlyMap<number, PortTls>

/** Ports to which waypoints begin TLS, keyed by `serviceKey`. */
export function deriveBackendTls(
  graph: Graph,
  api: Pick<ApiCollections, 'services' | 'configMaps'>,
  policies: Index<BackendTlsPolicyObject>,
): Collection<TlsByPort> {
  return graph.deriveMany('backend-tls', api.services, (service, look) => {
    const { namespace, name } = service.metadata
    const attached = look.by(policies, serviceObjectKey(namespace, name))
    const ports = portsOf(service).flatMap((port) => {
      const policy = policyOfPort(attached, name, port)
      return policy === undefined ? [] : [[port.port, portTls(policy, look, api)] as const]
    })
    return ports.length === 0 ? [] : [[clusterServiceKey(namespace, name), new Map(ports)]]
  })
}

/** One that names the port goes before one for the whole Service, and then the older one. @see GEP-713, GEP-1897 */
function policyOfPort(
  policies: readonly BackendTlsPolicyObject[],
  service: string,
  port: ServicePortSpec,
): BackendTlsPolicyObject | undefined {
  const naming = (section: string | undefined): readonly BackendTlsPolicyObject[] =>
    policies
      .filter(({ spec }) =>
        spec.targetRefs.some((ref) => ref.name === service && ref.sectionName === section),
      )
      .toSorted((a, b) => compareAge(ageOf(a), ageOf(b)))
  const named = port.name === undefined ? [] : naming(port.name)
  return named[0] ?? naming(undefined)[0]
}

function portTls(
  policy: BackendTlsPolicyObject,
  look: Look,
  api: Pick<ApiCollections, 'configMaps'>,
): PortTls {
  const { terms } = readTlsPolicy(policy, look, api)
  return { policy: objectLabel(policy), ...(terms === undefined ? {} : { terms }) }
}

/** What a policy asks for, or why that can't be had. */
export interface TlsReading {
  readonly terms?: TlsTerms
  /** Of its references. */
  readonly refs: readonly FieldProblem[]
  /** Why nothing of it is in force. */
  readonly refused?: FieldProblem
}

/** @see BackendTLSPolicyValidation: with one reference that can't be resolved, connections have to fail */
export function readTlsPolicy(
  policy: BackendTlsPolicyObject,
  look: Look,
  api: Pick<ApiCollections, 'configMaps'>,
): TlsReading {
  const { spec } = policy
  const { hostname: serverName, wellKnownCaCertificates: wellKnown } = spec
  const subjectAltNames = spec.subjectAltNames.map(
    ({ type, value }) => ({ kind: type === 'URI' ? 'uri' : 'dns', value }) as const,
  )
  if (wellKnown === 'System')
    return { terms: { serverName, subjectAltNames, roots: { kind: 'system' } }, refs: [] }
  if (wellKnown !== undefined) {
    const message = `the mesh knows no certificates by the name ${wellKnown}, only System`
    const path = 'spec.validation.wellKnownCACertificates'
    return { refs: [], refused: problemAt(policy, path, { reason: 'Invalid', message }) }
  }
  const found = spec.caCertificateRefs.map((_, i) => readCa(policy, i, look, api))
  const refs = found.flatMap(({ problem }) => problem ?? [])
  if (refs.length === 0) {
    const certificates = found.map(({ pem = '' }) => pem).join('\n')
    return { terms: { serverName, subjectAltNames, roots: { kind: 'pem', certificates } }, refs }
  }
  if (refs.length < found.length) return { refs }
  const message = 'none of its certificates of CAs can be had'
  const path = 'spec.validation.caCertificateRefs'
  return { refs, refused: problemAt(policy, path, { reason: 'NoValidCACertificate', message }) }
}

function readCa(
  policy: BackendTlsPolicyObject,
  index: number,
  look: Look,
  api: Pick<ApiCollections, 'configMaps'>,
): { readonly pem?: string; readonly problem?: FieldProblem } {
  const ref = policy.spec.caCertificateRefs[index]
  if (ref === undefined) return {}
  const { namespace } = policy.metadata
  const { group, kind, name } = ref
  const path = `spec.validation.caCertificateRefs[${index}]`
  const refuse = (reason: string, message: string): { readonly problem: FieldProblem } => ({
    problem: problemAt(policy, path, { reason, message }),
  })
  if (group !== '' || kind !== 'ConfigMap')
    return refuse('InvalidKind', `certificates of CAs are read from ConfigMaps, not from ${kind} ${name}`)
  const label = `ConfigMap ${namespace}/${name}`
  const found = look.one(api.configMaps, `/ConfigMap/${namespace}/${name}`)
  if (found === undefined) return refuse('InvalidCACertificateRef', `there is no ${label}`)
  const pem = found.spec.caCertificates
  if (pem === undefined) return refuse('InvalidCACertificateRef', `${label} has no ca.crt`)
  const parsed = parseCertificates(pem)
  if (!parsed.ok) return refuse('InvalidCACertificateRef', `ca.crt of ${label}: ${parsed.error}`)
  return { pem }
}
