import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { describe, explainIssues, issueMessage } from './explain-issue.ts'
import type { Explained } from './explain-issue.ts'
import { fieldPath } from './field-path.ts'
import type { FieldPath } from './field-path.ts'
import type { AnyObject, ObjectMeta, Origin, Positions, Problem } from './kinds.ts'
import { objectKey } from './kinds.ts'
import type { HubContext, KindVersion, RawObject } from './kind-version.ts'
import type { ApiCode } from './problem.ts'
import { nearest } from './nearest.ts'
import { isRecord, quote } from './shapes.ts'
import { apiVersionsOf, findKindVersion, isUnread } from './registry.ts'

/** A document as plain data, with the places of its fields. */
export interface LocatedDocument {
  readonly value: unknown
  /** Whether there may be fields without a value in it. */
  readonly hasNulls: boolean
  readonly origin: Origin
  /** By `fieldPath`. */
  readonly keyAt: (path: string) => Origin | undefined
  /** By `fieldPath`. */
  readonly valueAt: (path: string) => Origin | undefined
  readonly positions: () => Positions
}

export interface Decoded {
  /** Absent where the document is passed over. */
  readonly object: AnyObject | undefined
  readonly warnings: readonly Problem[]
}

/** Checks a document against the schema of its version and turns it into the hub; all problems at once. */
export function decodeDocument(document: LocatedDocument): Result<Decoded, readonly Problem[]> {
  const { value } = document
  const report = reporter(document)
  if (!isRecord(value)) {
    return err([report('error', notAnObject(value))])
  }
  if (value['apiVersion'] === undefined && value['kind'] === undefined) {
    const message = 'not a manifest: it has neither apiVersion nor kind; it is passed over'
    return err([report('warning', { code: 'API_NOT_AN_OBJECT', path: [], message })])
  }
  const missing = (['apiVersion', 'kind'] as const).filter((key) => typeof value[key] !== 'string')
  const { apiVersion, kind } = value
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    return err(missing.map((key) => report('error', missingHead(key, value))))
  }
  const found = findKindVersion(apiVersion, kind)
  if (isUnread(found)) {
    const problem = report(found.severity, { code: found.code, path: [found.field], message: found.message })
    return found.severity === 'error' ? err([problem]) : ok({ object: undefined, warnings: [problem] })
  }
  return decodeKind(document, document.hasNulls ? withoutNulls(value, found) : value, found)
}

function decodeKind(
  document: LocatedDocument,
  value: Readonly<Record<string, unknown>>,
  version: KindVersion,
): Result<Decoded, readonly Problem[]> {
  // The other reader's maps have no prototype: the schema makes ordinary ones of them.
  const plain = document.hasNulls ? undefined : version.plain(value)
  if (plain !== undefined) return hubOf(document, plain, version)
  const report = reporter(document)
  const parsed = version.schema.safeParse(value, {
    error: (issue) => issueMessage(issue, version.misplaced),
  })
  if (!parsed.success) {
    const faults = explainIssues(parsed.error.issues).map((fault) => withMisspelt(fault, value))
    const open = faults.filter((fault) => isOpen(fault, version))
    const warnings = open.map((fault) => report('warning', passedOver(fault)))
    const errors = faults.filter((fault) => !isOpen(fault, version)).map((fault) => report('error', fault))
    if (errors.length > 0) return err([...warnings, ...errors])
    const again = decodeKind(document, without(value, open), version)
    return again.ok
      ? ok({ ...again.value, warnings: [...warnings, ...again.value.warnings] })
      : err([...warnings, ...again.error])
  }
  return hubOf(document, parsed.data, version)
}

/** What the hub says of what a schema has checked. */
function hubOf(
  document: LocatedDocument,
  raw: RawObject,
  version: KindVersion,
): Result<Decoded, readonly Problem[]> {
  const warnings: Problem[] = []
  const report = reporter(document)
  const metadata = metaOf(raw, version.namespaced)
  const context: HubContext = {
    namespace: metadata.namespace,
    warn: (code, path, message) => warnings.push(report('warning', { code, path, message })),
  }
  const spec = version.toHub(raw[version.body], context)
  if (spec === undefined) return ok({ object: undefined, warnings })
  const { group, kind } = version
  // The registry pairs each kind with the spec of its own hub type.
  const object = {
    group,
    version: version.version,
    kind,
    metadata,
    spec,
    origin: document.origin,
    positions: document.positions(),
  } as AnyObject
  return ok({ object, warnings })
}

/** The `objectKey` of a document as far as it can be read, also where it can't be accepted. */
export function guessKey(value: unknown): string | undefined {
  const { apiVersion, kind, metadata } = asRecord(value)
  const { name, namespace } = asRecord(metadata)
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof name !== 'string') return undefined
  const slash = apiVersion.indexOf('/')
  const group = slash < 0 ? '' : apiVersion.slice(0, slash)
  const own = typeof namespace === 'string' && namespace !== '' ? namespace : 'default'
  const isClusterWide =
    (group === '' && kind === 'Namespace') ||
    (group === 'tulle.dev' && (kind === 'Mesh' || kind === 'Revocation'))
  return objectKey({ group, kind, metadata: { name, namespace: isClusterWide ? '' : own } })
}

/** `Kind namespace/name`, as far as they can be read. */
export function guessLabel(value: unknown): string {
  const { kind, metadata } = asRecord(value)
  const { name, namespace } = asRecord(metadata)
  if (typeof kind !== 'string') return ''
  if (typeof name !== 'string') return inLine(kind)
  const place = typeof namespace === 'string' && namespace !== '' ? `${inLine(namespace)}/` : ''
  return `${inLine(kind)} ${place}${inLine(name)}`
}

/** Labels are parts of lines, whatever somebody put into a name. */
function inLine(text: string): string {
  return text.slice(0, 80).replaceAll(/\p{Cc}/gu, '\uFFFD')
}

type Reporter = (severity: Problem['severity'], fault: Explained) => Problem

function reporter(document: LocatedDocument): Reporter {
  return (severity, { code, path, message }) => ({
    severity,
    code,
    origin: placeOf(document, code, path),
    object: guessLabel(document.value),
    path: fieldPath(path),
    message,
  })
}

/** Where to point: at the key that nobody knows, at the value that is wrong, at the map in which one is missing. */
function placeOf(document: LocatedDocument, code: ApiCode, path: FieldPath): Origin {
  const own = fieldPath(path)
  const exact = code === 'API_UNKNOWN_FIELD' ? document.keyAt(own) : document.valueAt(own)
  if (exact !== undefined) return exact
  for (let length = path.length - 1; length > 0; length--) {
    const above = fieldPath(path.slice(0, length))
    const place = document.keyAt(above) ?? document.valueAt(above)
    if (place !== undefined) return place
  }
  return document.origin
}

function notAnObject(value: unknown): Explained {
  const message = `found ${describe(value)}; expected a manifest, with apiVersion, kind and metadata`
  return { code: 'API_NOT_AN_OBJECT', path: [], message }
}

function missingHead(key: 'apiVersion' | 'kind', value: Readonly<Record<string, unknown>>): Explained {
  const { kind } = value
  const known = key === 'apiVersion' && typeof kind === 'string' ? apiVersionsOf(kind) : []
  const example = key === 'kind' ? 'such as TrafficTarget' : 'such as access.smi-spec.io/v1alpha3'
  const expected = known.length === 0 ? example : known.join(' or ')
  const found = value[key] === undefined ? 'missing' : `found ${describe(value[key])}`
  const code = value[key] === undefined ? 'API_MISSING_FIELD' : 'API_WRONG_TYPE'
  return { code, path: [key], message: `${found}; expected ${expected}` }
}

/** Metadata takes any field, so that a misspelt one shows only in what is missing. */
function withMisspelt(fault: Explained, value: Readonly<Record<string, unknown>>): Explained {
  const [top, field] = fault.path
  if (fault.code !== 'API_MISSING_FIELD' || top !== 'metadata' || typeof field !== 'string') return fault
  const guess = nearest(field, Object.keys(asRecord(value['metadata'])))
  if (guess === undefined) return fault
  return { ...fault, message: `${fault.message}; is ${quote(guess)} meant to be ${quote(field)}?` }
}

function passedOver({ path, message }: Explained): Explained {
  const rest = message.endsWith('?') ? ' It is passed over' : '; it is passed over'
  return { code: 'API_IGNORED_FIELD', path, message: `${message}${rest}` }
}

function isOpen({ code, path }: Explained, { openPaths }: KindVersion): boolean {
  if (code !== 'API_UNKNOWN_FIELD') return false
  const above = path.slice(0, -1).filter((step) => typeof step === 'string')
  return openPaths.includes(above.join('.'))
}

/** A copy of the document without these fields. */
function without(
  value: Readonly<Record<string, unknown>>,
  faults: readonly Explained[],
): Readonly<Record<string, unknown>> {
  const copy = structuredClone(value) as Record<string, unknown>
  for (const { path } of faults) {
    let at: unknown = copy
    for (const step of path.slice(0, -1)) at = (at as Record<string | number, unknown>)[step]
    const last = path.at(-1)
    if (last !== undefined) delete (at as Record<string | number, unknown>)[last]
  }
  return copy
}

/**
 * Kubernetes reads a field without a value as absent, and so do we in what is Kubernetes' own. In a policy an
 * empty `matches:` is no "all matches" but a mistake.
 */
function withoutNulls(
  value: Readonly<Record<string, unknown>>,
  version: KindVersion,
): Record<string, unknown> {
  const entries = Object.entries(value).map(([key, field]): [string, unknown] => [
    key,
    key === 'metadata' || version.group === '' ? dropNulls(field) : field,
  ])
  return Object.fromEntries(entries.filter(([key, field]) => field !== null || key === 'spec'))
}

function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(entries.map(([key, field]) => [key, dropNulls(field)]))
}

/** Shared by all objects without labels or annotations. */
const noText: Readonly<Record<string, string>> = {}

function metaOf({ metadata }: RawObject, namespaced: boolean): ObjectMeta {
  const {
    name,
    namespace = 'default',
    labels = noText,
    annotations = noText,
    creationTimestamp,
    generation,
  } = metadata
  return {
    name,
    namespace: namespaced ? namespace : '',
    labels,
    annotations,
    ...(typeof creationTimestamp === 'string' ? { creationTimestamp } : {}),
    ...(Number.isSafeInteger(generation) ? { generation: Number(generation) } : {}),
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}
