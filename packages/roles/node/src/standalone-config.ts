import { err, must, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import { parseIpAddress, parseIpRange, parsePort } from '@tulle/mesh'
import type {
  GatewayAddress,
  IpAddress,
  NetworkAddress,
  Port,
  PortMapping,
  Service,
  Workload,
} from '@tulle/mesh'
import { emptyMatch } from '@tulle/policy'
import type { AuthorizationPolicy, Match, StringMatch } from '@tulle/policy'
import { isNode, LineCounter, parseDocument } from 'yaml'
import type { Document } from 'yaml'
import { z } from 'zod'

/** What a node proxy without a control plane knows of the mesh. */
export interface StandaloneConfig {
  readonly workloads: readonly Workload[]
  readonly services: readonly Service[]
  readonly policies: readonly AuthorizationPolicy[]
}

/** Stands in for what was refused: the file as a whole is. */
const nowhere = must(parseIpAddress('0.0.0.0'))

const ip = z.string().transform((text, context): IpAddress => {
  const parsed = parseIpAddress(text)
  if (!parsed.ok) context.addIssue(parsed.error)
  return parsed.ok ? parsed.value : nowhere
})

const portNumber = z
  .int()
  .min(1)
  .max(65_535)
  .transform((value): Port => must(parsePort(value)))

const ports = z.record(z.string(), portNumber).transform((record, context): readonly PortMapping[] =>
  Object.entries(record).flatMap(([service, targetPort]) => {
    const servicePort = parsePort(Number(service))
    if (!servicePort.ok) context.addIssue({ code: 'custom', message: servicePort.error, path: [service] })
    return servicePort.ok ? [{ servicePort: servicePort.value, targetPort }] : []
  }),
)

/** `network/ip` or `namespace/hostname`; an empty network leaves a leading slash. */
const destination = z.string().transform((text): GatewayAddress['destination'] => {
  const slash = text.indexOf('/')
  const address = parseIpAddress(text.slice(slash + 1))
  if (address.ok)
    return { kind: 'address', network: text.slice(0, Math.max(0, slash)), address: address.value }
  return { kind: 'hostname', namespace: text.slice(0, Math.max(0, slash)), hostname: text.slice(slash + 1) }
})

const networkAddress = z.string().transform((text, context): NetworkAddress => {
  const slash = text.indexOf('/')
  const address = parseIpAddress(text.slice(slash + 1))
  if (!address.ok) context.addIssue(address.error)
  return { network: text.slice(0, Math.max(0, slash)), address: address.ok ? address.value : nowhere }
})

const gateway = z.strictObject({ destination, hboneMtlsPort: z.number().default(15_008) })

const workloadSchema = z.strictObject({
  workloadIps: z.array(ip).default([]),
  uid: z.string().min(1),
  name: z.string().default(''),
  namespace: z.string().default('default'),
  serviceAccount: z.string().default('default'),
  trustDomain: z.string().default('cluster.local'),
  protocol: z.enum(['HBONE', 'TCP']).default('TCP'),
  networkMode: z.enum(['Standard', 'HostNetwork']).default('Standard'),
  network: z.string().default(''),
  node: z.string().default(''),
  waypoint: gateway.optional(),
  networkGateway: gateway.optional(),
  workloadName: z.string().default(''),
  workloadType: z.enum(['deployment', 'cronjob', 'pod', 'job']).default('pod'),
  canonicalName: z.string().default(''),
  canonicalRevision: z.string().default(''),
  hostname: z.string().default(''),
  nativeTunnel: z.boolean().default(false),
  authorizationPolicies: z.array(z.string()).default([]),
  status: z.enum(['Healthy', 'Unhealthy']).default('Healthy'),
  clusterId: z.string().default('Kubernetes'),
  capacity: z.number().int().min(0).default(1),
  locality: z
    .strictObject({
      region: z.string().default(''),
      zone: z.string().default(''),
      subzone: z.string().default(''),
    })
    .optional(),
  services: z.record(z.string(), ports).default({}),
})

const serviceSchema = z.strictObject({
  name: z.string(),
  namespace: z.string(),
  hostname: z.string(),
  vips: z.array(networkAddress).default([]),
  ports: ports.default([]),
  subjectAltNames: z.array(z.string()).default([]),
  waypoint: gateway.optional(),
  canonical: z.boolean().default(false),
  visibility: z.enum(['Public', 'Namespace']).default('Public'),
})

const stringMatch = z
  .union([
    z.strictObject({ exact: z.string() }),
    z.strictObject({ prefix: z.string() }),
    z.strictObject({ suffix: z.string() }),
    z.strictObject({ presence: z.unknown() }),
  ])
  .transform((match): StringMatch => {
    if ('exact' in match) return { kind: 'exact', value: match.exact }
    if ('prefix' in match) return { kind: 'prefix', value: match.prefix }
    if ('suffix' in match) return { kind: 'suffix', value: match.suffix }
    return { kind: 'presence' }
  })

const range = z.string().transform((text, context) => {
  const parsed = parseIpRange(text)
  if (!parsed.ok) context.addIssue(parsed.error)
  return parsed.ok ? parsed.value : { address: nowhere, prefixBits: 32 }
})

const account = z.strictObject({ namespace: z.string(), serviceAccount: z.string() })
const strings = z.array(stringMatch).default([])
const ranges = z.array(range).default([])
const portList = z.array(portNumber).default([])

const matchSchema = z
  .strictObject({
    namespaces: strings,
    notNamespaces: strings,
    principals: strings,
    notPrincipals: strings,
    sourceIps: ranges,
    notSourceIps: ranges,
    destinationIps: ranges,
    notDestinationIps: ranges,
    destinationPorts: portList,
    notDestinationPorts: portList,
    serviceAccounts: z.array(account).default([]),
    notServiceAccounts: z.array(account).default([]),
  })
  .transform((match): Match => ({ ...emptyMatch, ...match }))

const scopes = { Global: 'global', Namespace: 'namespace', WorkloadSelector: 'workload' } as const
const policySchema = z.strictObject({
  name: z.string(),
  namespace: z.string().default(''),
  scope: z.enum(['Global', 'Namespace', 'WorkloadSelector']),
  action: z.enum(['Allow', 'Deny']),
  dryRun: z.boolean().default(false),
  rules: z.array(z.array(z.array(matchSchema))).default([]),
})

const fileSchema = z.strictObject({
  workloads: z.array(workloadSchema).default([]),
  services: z.array(serviceSchema).default([]),
  policies: z.array(policySchema).default([]),
})

/** Reads a file in ztunnel's shape. Unknown keys are errors; each problem says where it is. */
export function parseStandaloneConfig(
  text: string,
  file: string,
): Result<StandaloneConfig, readonly string[]> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  if (document.errors.length > 0)
    return err(document.errors.map((error) => `${at(error.pos[0])}: ${error.message.split('\n')[0] ?? ''}`))
  const parsed = fileSchema.safeParse(document.toJS() ?? {})
  if (parsed.success) {
    return ok({
      workloads: parsed.data.workloads.map(toWorkload),
      services: parsed.data.services.map(toService),
      policies: parsed.data.policies.map(toPolicy),
    })
  }
  const problems = parsed.error.issues.map(
    (issue) => `${at(offsetOf(document, issue.path))}: ${issue.path.join('.')}: ${issue.message}`,
  )
  return err(problems)
}

/** Where the value at a path begins, or its nearest parent where the path leads nowhere. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

function toWorkload(entry: z.output<typeof workloadSchema>): Workload {
  const trustDomain = must(parseTrustDomain(entry.trustDomain))
  const services = new Map(Object.entries(entry.services))
  const {
    workloadIps,
    protocol,
    networkMode,
    authorizationPolicies,
    status,
    clusterId,
    waypoint,
    networkGateway,
    locality,
    ...same
  } = entry
  return {
    ...same,
    trustDomain,
    services,
    name: entry.name || entry.uid,
    addresses: workloadIps,
    tunnel: protocol === 'HBONE' ? 'hbone' : 'none',
    hostNetwork: networkMode === 'HostNetwork',
    policies: authorizationPolicies,
    health: status === 'Healthy' ? 'healthy' : 'unhealthy',
    kubeCluster: clusterId,
    ...(waypoint === undefined ? {} : { waypoint }),
    ...(networkGateway === undefined ? {} : { networkGateway }),
    ...(locality === undefined ? {} : { locality }),
  }
}

function toService(entry: z.output<typeof serviceSchema>): Service {
  const { vips, visibility, waypoint, ...same } = entry
  return {
    ...same,
    addresses: vips,
    ports: entry.ports.map((port) => ({ ...port, appProtocol: 'unknown' })),
    ipFamilies: 'automatic',
    visibility: visibility === 'Public' ? 'public' : 'namespace',
    ingressUseWaypoint: false,
    weightedWaypoints: [],
    ...(waypoint === undefined ? {} : { waypoint }),
  }
}

function toPolicy(entry: z.output<typeof policySchema>): AuthorizationPolicy {
  return {
    ...entry,
    scope: scopes[entry.scope],
    action: entry.action === 'Allow' ? 'allow' : 'deny',
    rules: entry.rules.map((clauses) => ({ clauses: clauses.map((matches) => ({ matches })) })),
  }
}
