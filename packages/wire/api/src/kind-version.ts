import { z } from 'zod'
import type { FieldPath } from './field-path.ts'
import type { ApiCode } from './problem.ts'
import { hasOnly, isLabel, isSubdomain, isTextMap, notPlain } from './plain-shapes.ts'
import type { NotPlain } from './plain-shapes.ts'
import { closed, dnsLabel, dnsName, isRecord, textMap } from './shapes.ts'

/** What a conversion to the hub version knows of the object, and may say of it. */
export interface HubContext {
  /** The object's own. */
  readonly namespace: string
  /** Notes something that is accepted but may not be what was meant. The path counts from the object. */
  warn(code: ApiCode, path: FieldPath, message: string): void
}

/** A field that users of other versions or kinds write here, and what to write instead. */
export type Misplaced = Readonly<Record<string, string>>

/** One version of one kind, erased to what the decoder needs. */
export interface KindVersion {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly namespaced: boolean
  /** The field that holds what the object says. */
  readonly body: 'spec' | 'data'
  /** Of the whole document. */
  readonly schema: z.ZodType<RawObject>
  /** What the schema would make of a document that is written as most are; undefined where only it can tell. */
  plain(value: Readonly<Record<string, unknown>>): RawObject | undefined
  /** By `fieldPath` with list positions left out: `spec.destination.port`. */
  readonly misplaced: Misplaced
  /** Paths below which unknown fields are passed over with a warning. */
  readonly openPaths: readonly string[]
  /** The spec in its hub form; undefined where the object means nothing to the mesh, of which it has warned. */
  toHub(spec: unknown, context: HubContext): unknown
}

export interface KindVersionOptions<S extends z.ZodType, Hub> {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Whether objects of it live in a namespace. */
  readonly namespaced: boolean
  /** Kubernetes wants names of this kind to be a single DNS label. */
  readonly name?: 'label' | 'subdomain'
  /** `spec`, unless said otherwise. */
  readonly body?: 'spec' | 'data'
  /** What is in it. */
  readonly spec: S
  /**
   * The same for what is surely right and written as most are, which is nearly everything that a large mesh reads: by
   * comparisons, at a tenth of the cost. What it takes, `spec` has to take as the same.
   */
  readonly plainSpec?: (spec: unknown) => z.output<S> | NotPlain
  /** Further fields at the top of the document, which are passed over. */
  readonly passedOver?: readonly string[]
  readonly misplaced?: Misplaced
  readonly openPaths?: readonly string[]
  toHub(spec: z.output<S>, context: HubContext): Hub | undefined
}

/** A document after its schema has checked it. */
export interface RawObject {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string | undefined
    readonly labels?: Readonly<Record<string, string>> | undefined
    readonly annotations?: Readonly<Record<string, string>> | undefined
    readonly creationTimestamp?: unknown
    readonly generation?: unknown
  }
  readonly spec?: unknown
  readonly data?: unknown
}

/** Describes a version of a kind: one of these per file in `versions/`, listed in `registry.ts`. */
export function kindVersion<S extends z.ZodType, Hub>(options: KindVersionOptions<S, Hub>): KindVersion {
  const { group, version, kind, namespaced, passedOver = [], misplaced = {}, openPaths = [] } = options
  const { body = 'spec' } = options
  // Kubernetes writes more into metadata than the mesh reads, and more with each release.
  const metadata = z.looseObject({
    name: options.name === 'label' ? dnsLabel : dnsName,
    namespace: dnsLabel.optional(),
    labels: textMap.optional(),
    annotations: textMap.optional(),
    creationTimestamp: z.unknown().optional(),
    generation: z.unknown().optional(),
  })
  const schema = closed({
    apiVersion: z.string(),
    kind: z.string(),
    metadata,
    ...(body === 'data' ? { data: options.spec } : { spec: options.spec }),
    status: z.unknown().optional(),
    ...Object.fromEntries(passedOver.map((key) => [key, z.unknown().optional()])),
  })
  return {
    group,
    version,
    kind,
    namespaced,
    body,
    schema,
    plain: (value) => plainObject(value, options),
    misplaced,
    openPaths,
    // The decoder passes only what `schema` returned for this very kind.
    toHub: (spec, context) => options.toHub(spec as z.output<S>, context),
  }
}

const noFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata'])
const bodies = { spec: new Set([...noFields, 'spec']), data: new Set([...noFields, 'data']) }
const metadataFields: ReadonlySet<string> = new Set(['name', 'namespace', 'labels', 'annotations'])

function plainObject<S extends z.ZodType, Hub>(
  value: Readonly<Record<string, unknown>>,
  { name, body = 'spec', plainSpec }: KindVersionOptions<S, Hub>,
): RawObject | undefined {
  if (plainSpec === undefined || !hasOnly(value, bodies[body])) return undefined
  const metadata = plainMetadata(value['metadata'], name === 'label' ? isLabel : isSubdomain)
  if (metadata === undefined) return undefined
  const spec = plainSpec(value[body])
  return spec === notPlain ? undefined : { metadata, [body]: spec }
}

function plainMetadata(
  value: unknown,
  isName: (name: unknown) => name is string,
): RawObject['metadata'] | undefined {
  if (!isRecord(value) || !hasOnly(value, metadataFields)) return undefined
  const { name, namespace, labels, annotations } = value
  if (!isName(name) || (namespace !== undefined && !isLabel(namespace))) return undefined
  if (labels !== undefined && !isTextMap(labels)) return undefined
  if (annotations !== undefined && !isTextMap(annotations)) return undefined
  return { name, namespace, labels, annotations }
}
