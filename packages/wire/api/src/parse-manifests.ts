import { hash } from 'node:crypto'
import { isMap, isScalar, isSeq } from 'yaml'
import type { Node } from 'yaml'
import { err } from '@tulle/core'
import { decodeDocument, guessKey, guessLabel } from './decode-document.ts'
import type { LocatedDocument } from './decode-document.ts'
import { FieldPositions, layoutOf } from './field-positions.ts'
import type { AnyObject, Origin, Problem } from './kinds.ts'
import { objectKey } from './kinds.ts'
import { manifestLimits } from './limits.ts'
import type { ManifestLimits } from './limits.ts'
import { parseYaml } from './parse-yaml.ts'
import { Places } from './places.ts'
import { plainDocument } from './plain-document.ts'
import type { PlainDocument } from './plain-document.ts'
import { compareOrigins, placeText } from './problem.ts'
import { readQuickYaml } from './quick-yaml.ts'
import type { QuickDocument } from './quick-yaml.ts'
import { splitDocuments } from './split-documents.ts'

/** An object that was written and can't be accepted. */
export interface RejectedObject {
  /** Its `objectKey`, as far as it could be read. */
  readonly key: string | undefined
  /** The first of its problems. */
  readonly problem: Problem
}

export interface ManifestDocument {
  readonly objects: readonly AnyObject[]
  readonly rejected: readonly RejectedObject[]
  /** In the order in which they were found. */
  readonly problems: readonly Problem[]
  /** Of its text, and the line where that begins: what has the same of both is read the same. */
  readonly fingerprint: string
  readonly line: number
}

export interface ParseOptions {
  readonly limits?: ManifestLimits
  /** What an earlier text of the same file came to: documents that are as before are not read again. */
  readonly known?: readonly ManifestDocument[]
}

export interface Manifests {
  /** No two of them have one key. */
  readonly objects: readonly AnyObject[]
  /** In the order of their places. */
  readonly problems: readonly Problem[]
  /** What each document came to, in order; those without content are not counted. */
  readonly documents: readonly ManifestDocument[]
}

/**
 * Reads a file of manifests, YAML or JSON. What is wrong with one document leaves the others in effect; no text
 * makes it throw, and its time is bounded by `limits`.
 */
export function parseManifests(
  text: string,
  file: string,
  { limits = manifestLimits, known = [] }: ParseOptions = {},
): Manifests {
  const places = new Places(file, text.length > limits.maxFileBytes ? '' : text)
  const refuse = (message: string): Manifests => {
    const origin = { file, line: 1, column: 1 }
    const problem: Problem = {
      severity: 'error',
      code: 'API_TOO_LARGE',
      origin,
      object: '',
      path: '',
      message,
    }
    return { objects: [], problems: [problem], documents: [] }
  }
  if (text.length > limits.maxFileBytes) {
    return refuse(`a file of more than ${limits.maxFileBytes} bytes; split it into several`)
  }
  const texts = splitDocuments(text)
  if (texts.length > limits.maxDocuments) {
    return refuse(`a file of more than ${limits.maxDocuments} documents; split it into several`)
  }
  const knownByPrint = new Map(known.map((document) => [document.fingerprint, document]))
  const documents = texts.map(({ text: written, offset }): ManifestDocument => {
    const { line } = places.at(offset)
    const fingerprint = hash('sha256', written, 'base64')
    const before = knownByPrint.get(fingerprint)
    if (before?.line === line) return before
    const read = readDocument(written, (at) => places.at(offset + at), limits)
    const { objects, rejected, problems } = read
    return { objects, rejected, problems, fingerprint, line }
  })
  const problems = documents.flatMap((document) => document.problems)
  const unique = firstOfEach(documents.flatMap(({ objects }) => objects))
  const all = [...problems, ...unique.problems].toSorted((a, b) => compareOrigins(a.origin, b.origin))
  return { objects: unique.objects, problems: bounded(all, limits.maxProblems), documents }
}

/** Of several objects with one key the first in order stays; the others are problems that name both places. */
export function firstOfEach(objects: readonly AnyObject[]): {
  readonly objects: readonly AnyObject[]
  readonly problems: readonly Problem[]
} {
  const first = new Map<string, AnyObject>()
  const problems: Problem[] = []
  for (const object of objects) {
    const key = objectKey(object)
    const holder = first.get(key)
    if (holder === undefined) first.set(key, object)
    else problems.push(duplicate(object, holder))
  }
  return { objects: [...first.values()], problems }
}

function duplicate(object: AnyObject, holder: AnyObject): Problem {
  const { kind, metadata, origin } = object
  const label = `${kind} ${metadata.namespace === '' ? '' : `${metadata.namespace}/`}${metadata.name}`
  const message = `written twice: the one at ${placeText(holder.origin)} stays in effect, this one is left out; rename or remove one of them`
  return { severity: 'error', code: 'API_DUPLICATE_OBJECT', origin, object: label, path: '', message }
}

type ReadDocument = Omit<ManifestDocument, 'fingerprint' | 'line'>

/** Most documents have nothing wrong: they share one list of that. */
const none: readonly never[] = []

function readDocument(
  text: string,
  placeAt: (offset: number) => Origin,
  limits: ManifestLimits,
): ReadDocument {
  const quick = readQuickYaml(text, limits)
  const object = quick === undefined || isList(quick.value) ? undefined : readQuickObject(quick, placeAt(0))
  if (object !== undefined) return { objects: [object], rejected: none, problems: none }
  const { root, fault } = parseYaml(text, limits)
  if (fault !== undefined) {
    const { value } = plainDocument(root, limits)
    const origin = placeAt(fault.offset)
    const { code, message } = fault
    const problem: Problem = { severity: 'error', code, origin, object: guessLabel(value), path: '', message }
    return { objects: [], rejected: [{ key: guessKey(value), problem }], problems: [problem] }
  }
  // A document of nothing but a marker or `null` says nothing.
  if (root === null || (isScalar(root) && root.value === null))
    return { objects: [], rejected: [], problems: [] }
  const read = itemsOf(root).map((item) => readObject(plainDocument(item, limits), placeAt))
  return {
    objects: read.flatMap(({ objects }) => objects),
    rejected: read.flatMap(({ rejected }) => rejected),
    problems: read.flatMap(({ problems }) => problems),
  }
}

/** Undefined where anything is to be said of it: the other reader knows where to point. */
function readQuickObject({ value, layout }: QuickDocument, begin: Origin): AnyObject | undefined {
  const positions = new FieldPositions(begin.file, begin.line, layout)
  const nowhere = (): undefined => undefined
  const decoded = decodeDocument({
    value,
    hasNulls: false,
    origin: positions.get('') ?? begin,
    keyAt: nowhere,
    valueAt: nowhere,
    positions: () => positions,
  })
  return decoded.ok && decoded.value.warnings.length === 0 ? decoded.value.object : undefined
}

function isList(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'List'
}

/** `kubectl get -o yaml` wraps several objects into a List. */
function itemsOf(root: Node): readonly (Node | null)[] {
  if (!isMap(root) || root.get('kind') !== 'List') return [root]
  const items = root.get('items')
  return isSeq<Node | null>(items) ? items.items : [root]
}

function readObject(plain: PlainDocument, placeAt: (offset: number) => Origin): ReadDocument {
  const { value, faults } = plain
  const place = (offset: number | undefined): Origin | undefined =>
    offset === undefined ? undefined : placeAt(offset)
  const begin = placeAt(0)
  const document: LocatedDocument = {
    value,
    hasNulls: true,
    origin: placeAt(plain.valueAt.get('') ?? 0),
    keyAt: (path) => place(plain.keyAt.get(path)),
    valueAt: (path) => place(plain.valueAt.get(path)),
    positions: () => {
      const placed = Array.from(plain.valueAt, ([path, offset]) => [path, placeAt(offset)] as const)
      return new FieldPositions(begin.file, begin.line, layoutOf(placed, begin.line))
    },
  }
  const object = guessLabel(value)
  const written = faults.map(({ code, offset, path, message }): Problem => ({
    severity: 'error',
    code,
    origin: placeAt(offset),
    object,
    path,
    message,
  }))
  // What could not be read in full gives rise to problems that are none.
  const isWhole = faults.every(({ code }) => code === 'API_DUPLICATE_KEY')
  const decoded = isWhole ? decodeDocument(document) : err([])
  const problems = [...written, ...(decoded.ok ? decoded.value.warnings : decoded.error)]
  const first = problems.find(({ severity }) => severity === 'error')
  if (first !== undefined)
    return { objects: [], rejected: [{ key: guessKey(value), problem: first }], problems }
  const accepted = decoded.ok ? decoded.value.object : undefined
  return { objects: accepted === undefined ? [] : [accepted], rejected: [], problems }
}

function bounded(problems: readonly Problem[], maxProblems: number): readonly Problem[] {
  const last = problems[maxProblems]
  if (last === undefined) return problems
  const message = `${problems.length - maxProblems} further problems in this file are not shown`
  const more: Problem = { ...last, code: 'API_MORE_PROBLEMS', object: '', path: '', message }
  return [...problems.slice(0, maxProblems), more]
}
