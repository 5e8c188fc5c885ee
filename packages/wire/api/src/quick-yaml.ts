import { ownText } from '@tulle/core'
import { fieldPath } from './field-path.ts'
import type { FieldLayout } from './field-layout.ts'
import { LayoutStep, PathStep } from './field-layout.ts'
import type { ManifestLimits } from './limits.ts'

/** Larger texts are left to the library, which counts their tokens. */
const maxQuickChars = 100_000

/** A document as plain data without nulls, and where its values stand. */
export interface QuickDocument {
  readonly value: unknown
  readonly layout: FieldLayout
}

/**
 * Reads the plain part of YAML in which most manifests are written: block maps and lists, simple scalars on one
 * line, flat flow lists. Much faster than the library, most of all where documents are written alike. Whatever is not
 * surely of that part, right or wrong, is answered with undefined and left to the library; so this never says what a
 * fault is.
 */
export function readQuickYaml(text: string, limits: ManifestLimits): QuickDocument | undefined {
  if (text.length > maxQuickChars || !/^[\n\x20-\x7e]*$/u.test(text)) return undefined
  readLines(text)
  if (lineCount === 0 || indents[0] !== 0) return undefined
  if (known.size > maxKnownSteps) known = new KnownSteps()
  return new QuickReader(text, limits).read()
}

const maxKnownSteps = 4096

/** What documents before had in common, until that is too much. */
class KnownSteps {
  readonly path: PathStep = new PathStep('', 0, '')
  readonly layout: LayoutStep = new LayoutStep(undefined, this.path, 0, 0)
  size: number = 0
}

let known: KnownSteps = new KnownSteps()

/**
 * Of the document that is being read, the lines that say something: blank lines, comments and the marker in front are
 * left out. Filled anew for each document.
 */
let lineCount: number = 0
/** Blanks before the content. */
let indents: Int32Array = new Int32Array(256)
/** Where the content begins and ends. */
let starts: Int32Array = new Int32Array(256)
let ends: Int32Array = new Int32Array(256)
/** Where the line begins, and how many are above it. */
let lineStarts: Int32Array = new Int32Array(256)
let lineNumbers: Int32Array = new Int32Array(256)

const blank = 0x20
const hyphen = 0x2d
const numberSign = 0x23

function readLines(text: string): void {
  lineCount = 0
  let number = 0
  for (let at = 0; at < text.length; number++) {
    const newline = text.indexOf('\n', at)
    const lineEnd = newline < 0 ? text.length : newline
    let start = at
    while (start < lineEnd && text.charCodeAt(start) === blank) start++
    let end = lineEnd
    while (end > start && text.charCodeAt(end - 1) === blank) end--
    const isMarker = lineCount === 0 && start === at && end - start === 3 && text.startsWith('---', start)
    if (end > start && text.charCodeAt(start) !== numberSign && !isMarker) addLine(at, start, end, number)
    at = lineEnd + 1
  }
}

function addLine(at: number, start: number, end: number, number: number): void {
  if (lineCount === starts.length) {
    indents = grown(indents)
    starts = grown(starts)
    ends = grown(ends)
    lineStarts = grown(lineStarts)
    lineNumbers = grown(lineNumbers)
  }
  indents[lineCount] = start - at
  starts[lineCount] = start
  ends[lineCount] = end
  lineStarts[lineCount] = at
  lineNumbers[lineCount] = number
  lineCount++
}

function grown(numbers: Int32Array): Int32Array {
  const more = new Int32Array(2 * numbers.length)
  more.set(numbers)
  return more
}

const keyPattern = /[A-Za-z_][A-Za-z0-9_./-]*:(?=[ \n]|$)/uy
const wordPattern = /^[A-Za-z_/](?:[A-Za-z0-9_./@+=-]|:(?=[A-Za-z0-9_./]))*$/u
const addressPattern = /^\d{1,3}(?:\.\d{1,3}){3}$/u
const countPattern = /^(?:0|[1-9]\d{0,14})$/u
const singlePattern = /^'[^']*'$/u
const doublePattern = /^"[^"\\]*"$/u
/** What YAML 1.2's core schema reads as something else than text, in any case of letters. */
const notText: ReadonlySet<string> = new Set(['null', 'true', 'false'])

/** Thrown to give up; never seen outside. */
const notQuick: unique symbol = Symbol('not quick')

class QuickReader {
  readonly #text: string
  readonly #limits: ManifestLimits
  #layout: LayoutStep = known.layout
  #at: number = 0
  #values: number = 0

  constructor(text: string, limits: ManifestLimits) {
    this.#text = text
    this.#limits = limits
  }

  read(): QuickDocument | undefined {
    try {
      const value = this.#block(known.path)
      return this.#at < lineCount ? undefined : { value, layout: this.#layout.layout }
    } catch (error) {
      if (error === notQuick) return undefined
      throw error
    }
  }

  #block(path: PathStep): unknown {
    const line = this.#at
    if (line >= lineCount) return giveUp()
    this.#enter(path, line, starts[line] ?? 0)
    const indent = indents[line] ?? 0
    return this.#isItem(line) ? this.#list(indent, path) : this.#map(indent, path)
  }

  #map(indent: number, path: PathStep): Record<string, unknown> {
    const record: Record<string, unknown> = {}
    for (;;) {
      const line = this.#at
      const own = indents[line] ?? 0
      if (line >= lineCount || own < indent || (own === indent && this.#isItem(line))) return record
      if (own > indent) return giveUp()
      const keyPath = this.#keyOf(line, path)
      if (keyPath === undefined || Object.hasOwn(record, keyPath.key)) return giveUp()
      record[keyPath.key] = this.#valueOf(line, (starts[line] ?? 0) + keyPath.key.length + 1, keyPath)
    }
  }

  /** The value behind a key: on its line, or in the lines below. */
  #valueOf(line: number, colonEnd: number, path: PathStep): unknown {
    const end = ends[line] ?? 0
    const start = this.#skipBlanks(colonEnd, end)
    const isBelow = start >= end || this.#text.charCodeAt(start) === numberSign
    const indent = indents[line] ?? 0
    this.#at++
    if (!isBelow) return this.#inline(start, line, path)
    const next = this.#at
    if (next >= lineCount) return giveUp()
    const below = indents[next] ?? 0
    return below > indent || (below === indent && this.#isItem(next)) ? this.#block(path) : giveUp()
  }

  #list(indent: number, path: PathStep): unknown[] {
    const items: unknown[] = []
    for (;;) {
      const line = this.#at
      const own = indents[line] ?? 0
      if (line >= lineCount || own < indent || !this.#isItem(line)) return items
      if (own > indent) return giveUp()
      const dash = starts[line] ?? 0
      const start = this.#skipBlanks(dash + 1, ends[line] ?? 0)
      const itemPath = this.#itemPath(path, items.length)
      // Behind the dash a map may begin, as if on a line of its own.
      starts[line] = start
      indents[line] = own + start - dash
      if (this.#isItem(line)) return giveUp()
      if (this.#keyOf(line, itemPath) === undefined) {
        indents[line] = own
        this.#at++
        items.push(this.#inline(start, line, itemPath))
      } else {
        this.#enter(itemPath, line, start)
        items.push(this.#map(own + start - dash, itemPath))
      }
    }
  }

  /** A scalar or flow list that ends with its line; the line is behind us. */
  #inline(start: number, line: number, path: PathStep): unknown {
    const next = this.#at
    // It may go on there.
    if (next < lineCount && (indents[next] ?? 0) > (indents[line] ?? 0)) return giveUp()
    const written = withoutComment(this.#text.slice(start, ends[line]))
    this.#enter(path, line, start)
    if (written[0] === '[') return this.#flow(written, start, line, path)
    if (written === '{}') return {}
    return scalar(written)
  }

  #flow(written: string, start: number, line: number, path: PathStep): unknown[] {
    if (!written.endsWith(']') || /['"#[\]{}]/u.test(written.slice(1, -1))) return giveUp()
    const inside = written.slice(1, -1)
    if (inside.trim() === '') return []
    let at = start + 1
    return inside.split(',').map((part, i) => {
      const offset = at + part.length - part.trimStart().length
      at += part.length + 1
      this.#enter(this.#itemPath(path, i), line, offset)
      return scalar(part.trim())
    })
  }

  #enter(path: PathStep, line: number, offset: number): void {
    if (++this.#values > this.#limits.maxValues || path.depth > this.#limits.maxDepth) giveUp()
    const column = offset - (lineStarts[line] ?? 0) + 1
    this.#layout = this.#layout.next(path, lineNumbers[line] ?? 0, column, countStep)
  }

  #keyOf(line: number, path: PathStep): PathStep | undefined {
    const start = starts[line] ?? 0
    const tried = path.tryKeyAt(this.#text, start)
    if (tried !== undefined) return tried
    keyPattern.lastIndex = start
    const found = keyPattern.exec(this.#text)?.[0].slice(0, -1)
    // The one key that an object of ours can't have; the library's has no prototype.
    if (found === undefined || notText.has(found.toLowerCase()) || found === '__proto__') return undefined
    return path.child(found, () => {
      known.size++
      const key = ownText(found)
      return new PathStep(below(path, fieldPath([key])), path.depth + 1, key)
    })
  }

  #itemPath(path: PathStep, index: number): PathStep {
    return path.item(index, () => {
      known.size++
      return new PathStep(path.text + fieldPath([index]), path.depth + 1, '')
    })
  }

  #isItem(line: number): boolean {
    const start = starts[line] ?? 0
    return (
      this.#text.charCodeAt(start) === hyphen &&
      start + 1 < (ends[line] ?? 0) &&
      this.#text.charCodeAt(start + 1) === blank
    )
  }

  #skipBlanks(from: number, end: number): number {
    let at = from
    while (at < end && this.#text.charCodeAt(at) === blank) at++
    return at
  }
}

function below(path: PathStep, key: string): string {
  return path.text === '' || key.startsWith('[') ? path.text + key : `${path.text}.${key}`
}

function countStep(): void {
  known.size++
}

/** A number sign within quotes is none of a comment; such values are rare. */
function withoutComment(written: string): string {
  const at = written.indexOf(' #')
  return at < 0 || /['"]/u.test(written) ? written : written.slice(0, at).trimEnd()
}

/** Most scalars of a mesh are those of another document too: names of nodes, namespaces and labels. */
const maxKnownScalars = 4096
const knownScalars: Map<string, string | number> = new Map()

function scalar(written: string): string | number {
  const before = knownScalars.get(written)
  if (before !== undefined) return before
  const text = ownText(written)
  const value = readScalar(text)
  if (knownScalars.size >= maxKnownScalars) knownScalars.clear()
  knownScalars.set(text, value)
  return value
}

function readScalar(written: string): string | number {
  if (wordPattern.test(written) && !notText.has(written.toLowerCase())) return written
  if (countPattern.test(written)) return Number(written)
  if (addressPattern.test(written)) return written
  if (singlePattern.test(written) || doublePattern.test(written)) return ownText(written.slice(1, -1))
  return giveUp()
}

function giveUp(): never {
  // oxlint-disable-next-line no-throw-literal -- a jump, not an error: manifests that are not plain are common
  throw notQuick
}
