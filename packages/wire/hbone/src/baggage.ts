import type { Workload } from '@tulle/mesh'
import { KnownTexts } from '@tulle/core'

/** What a peer says of its workload, for labels of metrics and logs only: nothing of it is verified. */
export interface Baggage {
  readonly kubeCluster?: string
  readonly namespace?: string
  readonly workloadType?: Workload['workloadType']
  readonly workloadName?: string
  /** Canonical name. */
  readonly serviceName?: string
  /** Canonical revision. */
  readonly serviceVersion?: string
  readonly region?: string
  readonly zone?: string
}

/** What `encodeBaggage` needs of a workload. */
export type BaggageFacts = Pick<
  Workload,
  | 'kubeCluster'
  | 'namespace'
  | 'workloadType'
  | 'workloadName'
  | 'canonicalName'
  | 'canonicalRevision'
  | 'locality'
>

const maxBaggageLength = 8192
const maxItems = 64
const maxValueLength = 256

/** The `baggage` header of a workload, '' when there is nothing to say. The same for each of its connections. */
export function encodeBaggage(workload: BaggageFacts): string {
  const items: readonly (readonly [string, string | undefined])[] = [
    ['k8s.cluster.name', workload.kubeCluster],
    ['k8s.namespace.name', workload.namespace],
    [`k8s.${workload.workloadType}.name`, workload.workloadName],
    ['service.name', workload.canonicalName],
    ['service.version', workload.canonicalRevision],
    ['cloud.region', workload.locality?.region],
    ['cloud.availability_zone', workload.locality?.zone],
  ]
  return items
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([key, value]) => `${key}=${encodeValue(value ?? '')}`)
    .join(',')
}

const noBaggage: Baggage = {}
const knownBaggage = new KnownTexts<Baggage>({ maxEntries: 1024, maxLength: 1024 })

/** As `parseBaggage`, which it asks once for each text: the same object for the same text, for as long as it is known. */
export function knownBaggageOf(headers: readonly string[]): Baggage {
  const [first, ...more] = headers
  if (first === undefined) return noBaggage
  return more.length > 0 ? parseBaggage(headers) : knownBaggage.get(first, (text) => parseBaggage([text]))
}

/** Reads the known keys of all `baggage` headers of a request; what is unknown, malformed or too long is left out. */
export function parseBaggage(headers: readonly string[]): Baggage {
  const found: Writable<Baggage> = {}
  let items = 0
  for (const header of headers) {
    if (header.length > maxBaggageLength) continue
    for (const item of header.split(',')) {
      if (++items > maxItems) return found
      readItem(item, found)
    }
  }
  return found
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }
type PlainKey = Exclude<keyof Baggage, 'workloadType' | 'workloadName'>

const plainKeys: ReadonlyMap<string, PlainKey> = new Map<string, PlainKey>([
  ['k8s.cluster.name', 'kubeCluster'],
  ['k8s.namespace.name', 'namespace'],
  ['service.name', 'serviceName'],
  ['service.version', 'serviceVersion'],
  ['cloud.region', 'region'],
  ['cloud.availability_zone', 'zone'],
])

const typeKeys: ReadonlyMap<string, Workload['workloadType']> = new Map<string, Workload['workloadType']>([
  ['k8s.deployment.name', 'deployment'],
  ['k8s.cronjob.name', 'cronjob'],
  ['k8s.pod.name', 'pod'],
  ['k8s.job.name', 'job'],
])

function readItem(item: string, found: Writable<Baggage>): void {
  const equals = item.indexOf('=')
  if (equals < 0) return
  const key = item.slice(0, equals).trim()
  const value = decodeValue(item.slice(equals + 1))
  if (value === '' || value.length > maxValueLength) return
  const workloadType = typeKeys.get(key)
  if (workloadType !== undefined) {
    found.workloadType = workloadType
    found.workloadName = value
    return
  }
  const plain = plainKeys.get(key)
  if (plain !== undefined) found[plain] = value
}

/** Names need no encoding; anything else must not end the item, or the header. @see W3C Baggage §3.3.1 */
function encodeValue(value: string): string {
  const text = value.slice(0, maxValueLength).toWellFormed()
  return text.replaceAll(/[^\w.~:/@!$&'()*+?-]/gu, (unsafe) => encodeURIComponent(unsafe))
}

/** Properties after `;` say nothing that we know. */
function decodeValue(text: string): string {
  const value = (text.split(';', 1)[0] ?? '').trim()
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    // Not percent-encoded after all: ztunnel takes and sends values as they are.
    return value
  }
}
