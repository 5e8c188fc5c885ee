import type { CaseGroup, Manifest } from '../lib/case.ts'
import { backendName, backendUri, rootPem, strangerPem } from '../tls-identities.ts'
import { namespace, route, rule, to } from './manifests.ts'
import { again, answered, condition, refused } from './steps.ts'

const spec = 'BackendTLSPolicy; GEP-1897'
const object = 'BackendTLSPolicy mesh/tls'

interface PolicyParts {
  readonly name?: string
  readonly created?: string
  /** The name of the Service's port; absent: all of them. */
  readonly port?: string
  readonly validation?: object
}

const ca = (name: string, kind: string = 'ConfigMap'): object => ({ group: '', kind, name })

function policy({ name = 'tls', created, port = 'https', validation }: PolicyParts = {}): Manifest {
  const sectionName = port === '' ? {} : { sectionName: port }
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    metadata: { name, namespace, ...(created === undefined ? {} : { creationTimestamp: created }) },
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'app-b', ...sectionName }],
      validation: { hostname: backendName, caCertificateRefs: [ca('ca')], ...validation },
    },
  }
}

const configMap = (name: string, data: object): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
})
const trusted = configMap('ca', { 'ca.crt': rootPem })
const stranger = configMap('stranger', { 'ca.crt': strangerPem })
const toSecure = (port: number = 8444): Manifest =>
  route({ rules: [rule([], '', { backendRefs: [to('app-b', { port })] })] })

/** Requests that the mesh carries on to backends over TLS. */
export const backendTlsCases: CaseGroup = [
  {
    id: 'backend-tls/verified',
    proves:
      'TLS is begun towards a backend under a policy, whose certificate is verified by a CA of a ConfigMap',
    spec: `${spec}, validation.caCertificateRefs`,
    manifests: [trusted, policy(), toSecure()],
    steps: [
      answered({}, 'app-b', { received: { 'x-tls-server-name': backendName } }),
      again(answered({ method: 'POST', body: 'x'.repeat(20_000) }, 'app-b'), 3),
      condition(object, { Accepted: 'True', ResolvedRefs: 'True' }),
    ],
  },
  {
    id: 'backend-tls/own-service',
    proves: 'Without any route, calls to the Service itself go on over TLS',
    spec,
    manifests: [trusted, policy()],
    steps: [answered({ to: 'app-b:8444' }, 'app-b'), answered({ to: 'app-b' }, 'app-b')],
  },
  {
    id: 'backend-tls/whole-service',
    proves: 'Without sectionName a policy is for every port, and one with it goes before it',
    spec: `${spec}, targetRefs`,
    manifests: [
      trusted,
      policy({ name: 'all', port: '', validation: { hostname: 'other.example.com' } }),
      policy(),
      toSecure(),
    ],
    steps: [answered({}, 'app-b'), refused({ to: 'app-b' }, [502, 503])],
  },
  {
    id: 'backend-tls/wrong-name',
    proves: 'A backend whose certificate has another name gets nothing, and the client an error of 5xx',
    spec: `${spec}, validation.hostname`,
    manifests: [trusted, policy({ validation: { hostname: 'other.example.com' } }), toSecure()],
    steps: [again(refused({}, [502, 503]), 3)],
  },
  {
    id: 'backend-tls/wrong-ca',
    proves: 'A backend whose certificate another CA signed gets nothing',
    spec: `${spec}, validation.caCertificateRefs`,
    manifests: [stranger, policy({ validation: { caCertificateRefs: [ca('stranger')] } }), toSecure()],
    steps: [again(refused({}, [502, 503]), 3)],
  },
  {
    id: 'backend-tls/expired',
    proves: 'A backend whose certificate has expired gets nothing',
    spec,
    manifests: [trusted, policy({ port: 'https-expired' }), toSecure(8445)],
    steps: [again(refused({}, [502, 503]), 3)],
  },
  {
    id: 'backend-tls/system',
    proves: 'System stands for the CAs that the machine trusts, which signed nothing of the suite',
    spec: `${spec}, validation.wellKnownCACertificates`,
    manifests: [
      policy({ validation: { caCertificateRefs: [], wellKnownCACertificates: 'System' } }),
      toSecure(),
    ],
    steps: [refused({}, [502, 503]), condition(object, { Accepted: 'True', ResolvedRefs: 'True' })],
  },
  {
    id: 'backend-tls/subject-alt-names',
    proves: 'With subjectAltNames one of them is verified, and the hostname only asked for',
    spec: `${spec}, validation.subjectAltNames`,
    manifests: [
      trusted,
      policy({
        validation: {
          hostname: 'other.example.com',
          subjectAltNames: [
            { type: 'Hostname', hostname: 'nobody.example.com' },
            { type: 'URI', uri: backendUri },
          ],
        },
      }),
      toSecure(),
    ],
    steps: [answered({}, 'app-b', { received: { 'x-tls-server-name': 'other.example.com' } })],
  },
  {
    id: 'backend-tls/other-subject-alt-names',
    proves: 'A backend with none of the subjectAltNames gets nothing, whatever its hostname',
    spec: `${spec}, validation.subjectAltNames`,
    manifests: [
      trusted,
      policy({ validation: { subjectAltNames: [{ type: 'URI', uri: `${backendUri}/other` }] } }),
      toSecure(),
    ],
    steps: [refused({}, [502, 503])],
  },
  {
    id: 'backend-tls/no-valid-ca',
    proves:
      'With no CA that can be had a policy is not accepted, and requests are answered with 5xx, never sent in the clear',
    spec: `${spec}, NoValidCACertificate, InvalidCACertificateRef`,
    manifests: [policy({ port: 'http' }), toSecure(80)],
    steps: [
      again(refused({}, [500, 502, 503]), 3),
      refused({ to: 'app-b' }, [500, 502, 503]),
      condition(object, {
        Accepted: 'False NoValidCACertificate',
        ResolvedRefs: 'False InvalidCACertificateRef',
      }),
    ],
  },
  {
    id: 'backend-tls/one-invalid-ca',
    proves: 'With one of its CAs missing a policy is accepted and says so, and connections fail',
    spec: `${spec}, caCertificateRefs`,
    manifests: [trusted, policy({ validation: { caCertificateRefs: [ca('ca'), ca('gone')] } }), toSecure()],
    steps: [
      refused({}, [500, 502, 503]),
      condition(object, { Accepted: 'True', ResolvedRefs: 'False InvalidCACertificateRef' }),
    ],
  },
  {
    id: 'backend-tls/kind-of-ca',
    proves: 'A CA of a kind that is not read is InvalidKind',
    spec: `${spec}, InvalidKind`,
    manifests: [policy({ validation: { caCertificateRefs: [ca('ca', 'Secret')] } })],
    steps: [condition(object, { Accepted: 'False NoValidCACertificate', ResolvedRefs: 'False InvalidKind' })],
  },
  {
    id: 'backend-tls/no-certificate',
    proves: 'A ConfigMap without a certificate under ca.crt is InvalidCACertificateRef',
    spec: `${spec}, InvalidCACertificateRef`,
    manifests: [configMap('ca', { 'ca.crt': 'none', 'tls.crt': rootPem }), policy()],
    steps: [
      condition(object, {
        Accepted: 'False NoValidCACertificate',
        ResolvedRefs: 'False InvalidCACertificateRef',
      }),
    ],
  },
  {
    id: 'backend-tls/conflict',
    proves: 'Of two policies for one port the older holds, and the younger is Conflicted',
    spec: `${spec}; GEP-713`,
    manifests: [
      trusted,
      policy({ created: '2026-01-02T00:00:00Z', validation: { hostname: 'other.example.com' } }),
      policy({ name: 'older', created: '2026-01-01T00:00:00Z' }),
      toSecure(),
    ],
    steps: [
      answered({}, 'app-b'),
      condition(object, { Accepted: 'False Conflicted' }),
      condition('BackendTLSPolicy mesh/older', { Accepted: 'True' }),
    ],
  },
  {
    id: 'backend-tls/repaired',
    proves: 'What is repaired holds for the next request: a CA that comes, and a policy that goes',
    spec,
    manifests: [policy(), toSecure()],
    steps: [
      refused({}, [500, 502, 503]),
      { kind: 'apply', manifests: [trusted, policy(), toSecure()] },
      answered({}, 'app-b'),
      { kind: 'apply', manifests: [stranger, toSecure(80)] },
      answered({}, 'app-b', { received: { 'x-tls-server-name': null } }),
    ],
  },
]
