import { z } from 'zod'
import type { ServicePortSpec, ServiceSpec, TrafficDistribution } from '../kinds.ts'
import { kindVersion } from '../kind-version.ts'
import type { HubContext, KindVersion } from '../kind-version.ts'
import { hasOnly, isLabel, isPort, isPortName, isTextMap, notPlain, plainList } from '../plain-shapes.ts'
import type { NotPlain } from '../plain-shapes.ts'
import {
  canonicalIp,
  checked,
  closed,
  dnsLabel,
  ipFault,
  isRecord,
  list,
  portName,
  portNumber,
  quote,
  textMap,
  unique,
} from '../shapes.ts'
import type { Fault } from '../shapes.ts'

/** The fields of a spec that Kubernetes has and the mesh passes over. @see Kubernetes API, ServiceSpec */
const passedOver = [
  'clusterIPs',
  'externalIPs',
  'sessionAffinity',
  'sessionAffinityConfig',
  'loadBalancerIP',
  'loadBalancerSourceRanges',
  'loadBalancerClass',
  'allocateLoadBalancerNodePorts',
  'externalName',
  'externalTrafficPolicy',
  'internalTrafficPolicy',
  'healthCheckNodePort',
  'publishNotReadyAddresses',
  'ipFamilies',
  'ipFamilyPolicy',
] as const

const port = closed({
  name: dnsLabel.optional(),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  port: portNumber,
  targetPort: checked(z.unknown(), targetPortFaults).optional(),
  nodePort: z.unknown().optional(),
  appProtocol: z.string().optional(),
})
type Port = z.output<typeof port>

const spec = closed({
  selector: textMap.default({}),
  clusterIP: checked(z.string(), clusterIpFaults).optional(),
  type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']).default('ClusterIP'),
  ports: checked(unique(list(port), ['name']), repeatedPorts).default([]),
  trafficDistribution: z.string().optional(),
  ...Object.fromEntries(passedOver.map((key) => [key, z.unknown().optional()])),
})

const distributions: ReadonlyMap<string, TrafficDistribution> = new Map([
  ['PreferSameZone', 'PreferSameZone'],
  ['PreferClose', 'PreferSameZone'],
  ['PreferSameNode', 'PreferSameNode'],
])

export const serviceV1: KindVersion = kindVersion({
  group: '',
  version: 'v1',
  kind: 'Service',
  namespaced: true,
  name: 'label',
  spec,
  plainSpec,
  openPaths: ['spec', 'spec.ports'],
  toHub: serviceSpec,
})

const plainFields: ReadonlySet<string> = new Set(['selector', 'ports'])
const plainPortFields: ReadonlySet<string> = new Set(['name', 'port', 'targetPort', 'protocol'])

function plainSpec(value: unknown): z.output<typeof spec> | NotPlain {
  if (!isRecord(value) || !hasOnly(value, plainFields)) return notPlain
  const { selector = {}, ports: listed = [] } = value
  if (!isTextMap(selector)) return notPlain
  const ports = plainList(listed, plainPort, isSamePort)
  return ports === notPlain ? notPlain : { selector, ports: [...ports], type: 'ClusterIP' }
}

function plainPort(value: Readonly<Record<string, unknown>>): Port | NotPlain {
  const { name, port: number, targetPort, protocol = 'TCP' } = value
  if (!hasOnly(value, plainPortFields) || !isPort(number)) return notPlain
  if ((name !== undefined && !isLabel(name)) || (protocol !== 'TCP' && protocol !== 'UDP')) return notPlain
  if (targetPort !== undefined && !isPort(targetPort) && !isPortName(targetPort)) return notPlain
  return { name, protocol, port: number, targetPort }
}

function isSamePort(a: Port, b: Port): boolean {
  if (a.name !== undefined && a.name === b.name) return true
  return a.port === b.port && a.protocol === b.protocol
}

function serviceSpec(raw: z.output<typeof spec>, context: HubContext): ServiceSpec | undefined {
  if (raw.type === 'ExternalName') {
    context.warn(
      'API_IGNORED_KIND',
      ['spec', 'type'],
      'an ExternalName Service is a name in DNS only; the mesh passes it over',
    )
    return undefined
  }
  const { clusterIP = '' } = raw
  return {
    selector: raw.selector,
    ...(clusterIP === '' ? {} : { clusterIP: canonicalIp(clusterIP) }),
    ports: raw.ports.flatMap((entry, i) => portSpec(entry, i, context)),
    ...distributionOf(raw.trafficDistribution, context),
  }
}

/** What it says is a preference: one that is not known is none. PreferClose is the older name of PreferSameZone. */
function distributionOf(
  found: string | undefined,
  context: HubContext,
): Pick<ServiceSpec, 'trafficDistribution'> {
  if (found === undefined || found === '') return {}
  const known = distributions.get(found)
  if (known !== undefined) return { trafficDistribution: known }
  const expected = [...distributions.keys()].join(', ')
  const message = `found ${quote(found)}; it is passed over: expected one of ${expected}`
  context.warn('API_IGNORED_FIELD', ['spec', 'trafficDistribution'], message)
  return {}
}

function portSpec(raw: Port, i: number, context: HubContext): readonly ServicePortSpec[] {
  const { name, protocol, port: number, appProtocol } = raw
  if (protocol === 'SCTP') {
    const message = 'the mesh does not carry SCTP; the port is passed over'
    context.warn('API_IGNORED_FIELD', ['spec', 'ports', i, 'protocol'], message)
    return []
  }
  const { targetPort } = raw
  return [
    {
      protocol,
      port: number,
      ...(name === undefined ? {} : { name }),
      ...(typeof targetPort === 'number' || typeof targetPort === 'string' ? { targetPort } : {}),
      ...(appProtocol === undefined ? {} : { appProtocol }),
    },
  ]
}

function* clusterIpFaults(value: string): Generator<Fault> {
  if (value === '' || value === 'None') return
  const message = ipFault(value)
  if (message !== undefined)
    yield { code: 'API_BAD_VALUE', message: `${message}, or None for a headless Service` }
}

/** One number may serve both TCP and UDP. */
function* repeatedPorts(ports: readonly Port[]): Generator<Fault> {
  const first = new Map<string, number>()
  for (const [i, { port: number, protocol }] of ports.entries()) {
    const name = `${number}/${protocol}`
    const before = first.get(name)
    if (before === undefined) first.set(name, i)
    else {
      const message = `found ${name}, which entry [${before}] has already; expected each once`
      yield { code: 'API_DUPLICATE_NAME', message, path: [i, 'port'] }
    }
  }
}

function* targetPortFaults(value: unknown): Generator<Fault> {
  if (value === undefined) return
  if (portNumber.safeParse(value).success || portName.safeParse(value).success) return
  const found = typeof value === 'string' ? quote(value) : (JSON.stringify(value) ?? 'nothing').slice(0, 80)
  yield {
    code: 'API_BAD_VALUE',
    message: `found ${found}; expected a port of 1–65535 or the name of one of the workload's ports`,
  }
}
