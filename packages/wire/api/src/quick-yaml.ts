import { fieldPath } from './field-path.ts'
import type { FieldPath } from './field-path.ts'
import type { ManifestLimits } from './limits.ts'
import type { PlainDocument } from './plain-document.ts'

/** Larger texts are left to the library, which counts their tokens. */
const maxQuickChars = 100_000

interface Line {
  /** Blanks before the content. */
  indent: number
  /** Where the content begins and ends. */
  start: number
  readonly end: number
}

/**
 * Reads the plain part of YAML in which most manifests are written: block maps and lists, simple scalars on one
 * line, flat flow lists. Ten times as fast as the library. Whatever is not surely of that part, right or wrong, is
 * answered with undefined and left to the library; so this never says what a fault is.
 */
export function readQuickYaml(text: string, limits: ManifestLimits): PlainDocument | undefined {
  if (text.length > maxQuickChars || !/^[\n\x20-\x7e]*$/u.test(text)) return undefined
  const lines = significantLines(text)
  const [first] = lines
  if (first === undefined || first.indent !== 0) return undefined
  const reader = new QuickReader(text, lines, limits)
  return reader.read()
}

/** Blank lines, comments and the marker in front are left out. */
function significantLines(text: string): Line[] {
  const lines: Line[] = []
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at)
    const lineEnd = newline < 0 ? text.length : newline
    let start = at
    while (start < lineEnd && text[start] === ' ') start++
    let end = lineEnd
    while (end > start && text[end - 1] === ' ') end--
    const isMarker = lines.length === 0 && start === at && end - start === 3 && text.startsWith('---', start)
    if (end > start && text[start] !== '#' && !isMarker) lines.push({ indent: start - at, start, end })
    at = lineEnd + 1
  }
  return lines
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
  readonly #lines: Line[]
  readonly #limits: ManifestLimits
  readonly #keyAt: Map<string, number> = new Map()
  readonly #valueAt: Map<string, number> = new Map()
  #at: number = 0
  #values: number = 0

  constructor(text: string, lines: Line[], limits: ManifestLimits) {
    this.#text = text
    this.#lines = lines
    this.#limits = limits
  }

  read(): PlainDocument | undefined {
    try {
      const value = this.#block([])
      if (this.#at < this.#lines.length) return undefined
      return { value, keyAt: this.#keyAt, valueAt: this.#valueAt, faults: [] }
    } catch (error) {
      if (error === notQuick) return undefined
      throw error
    }
  }

  #block(path: FieldPath): unknown {
    const line = this.#lines[this.#at]
    if (line === undefined) return giveUp()
    this.#enter(path, line.start)
    return this.#isItem(line) ? this.#list(line.indent, path) : this.#map(line.indent, path)
  }

  #map(indent: number, path: FieldPath): Record<string, unknown> {
    // Without a prototype, so that a key such as __proto__ is a key and nothing else.
    const record = Object.create(null) as Record<string, unknown>
    for (;;) {
      const line = this.#lines[this.#at]
      if (line === undefined || line.indent < indent || (line.indent === indent && this.#isItem(line)))
        return record
      if (line.indent > indent) return giveUp()
      const key = this.#keyOf(line)
      if (key === undefined || Object.hasOwn(record, key)) return giveUp()
      const keyPath = [...path, key]
      this.#keyAt.set(fieldPath(keyPath), line.start)
      record[key] = this.#valueOf(line, line.start + key.length + 1, keyPath)
    }
  }

  /** The value behind a key: on its line, or in the lines below. */
  #valueOf(line: Line, colonEnd: number, path: FieldPath): unknown {
    const start = this.#skipBlanks(colonEnd, line.end)
    const isBelow = start >= line.end || this.#text[start] === '#'
    this.#at++
    if (!isBelow) return this.#inline(start, line, path)
    const next = this.#lines[this.#at]
    if (next === undefined) return giveUp()
    const isList = next.indent === line.indent && this.#isItem(next)
    return next.indent > line.indent || isList ? this.#block(path) : giveUp()
  }

  #list(indent: number, path: FieldPath): unknown[] {
    const items: unknown[] = []
    for (;;) {
      const line = this.#lines[this.#at]
      if (line === undefined || line.indent < indent || !this.#isItem(line)) return items
      if (line.indent > indent) return giveUp()
      const start = this.#skipBlanks(line.start + 1, line.end)
      const itemPath = [...path, items.length]
      // Behind the dash a map may begin, as if on a line of its own.
      const inner: Line = { indent: line.indent + start - line.start, start, end: line.end }
      if (this.#isItem(inner)) return giveUp()
      if (this.#keyOf(inner) === undefined) {
        this.#at++
        items.push(this.#inline(start, line, itemPath))
      } else {
        this.#lines[this.#at] = inner
        this.#enter(itemPath, start)
        items.push(this.#map(inner.indent, itemPath))
      }
    }
  }

  /** A scalar or flow list that ends with its line; the line is behind us. */
  #inline(start: number, line: Line, path: FieldPath): unknown {
    const next = this.#lines[this.#at]
    // It may go on there.
    if (next !== undefined && next.indent > line.indent) return giveUp()
    const written = withoutComment(this.#text.slice(start, line.end))
    this.#enter(path, start)
    if (written[0] === '[') return this.#flow(written, start, path)
    if (written === '{}') return Object.create(null)
    return scalar(written)
  }

  #flow(written: string, start: number, path: FieldPath): unknown[] {
    if (!written.endsWith(']') || /['"#[\]{}]/u.test(written.slice(1, -1))) return giveUp()
    const inside = written.slice(1, -1)
    if (inside.trim() === '') return []
    let at = start + 1
    return inside.split(',').map((part, i) => {
      const offset = at + part.length - part.trimStart().length
      at += part.length + 1
      this.#enter([...path, i], offset)
      return scalar(part.trim())
    })
  }

  #enter(path: FieldPath, offset: number): void {
    if (++this.#values > this.#limits.maxValues || path.length > this.#limits.maxDepth) giveUp()
    this.#valueAt.set(fieldPath(path), offset)
  }

  #keyOf(line: Line): string | undefined {
    keyPattern.lastIndex = line.start
    const found = keyPattern.exec(this.#text)?.[0].slice(0, -1)
    return found === undefined || notText.has(found.toLowerCase()) ? undefined : found
  }

  #isItem({ start, end }: Line): boolean {
    return this.#text[start] === '-' && start + 1 < end && this.#text[start + 1] === ' '
  }

  #skipBlanks(from: number, end: number): number {
    let at = from
    while (at < end && this.#text[at] === ' ') at++
    return at
  }
}

/** A number sign within quotes is none of a comment; such values are rare. */
function withoutComment(written: string): string {
  const at = written.indexOf(' #')
  return at < 0 || /['"]/u.test(written) ? written : written.slice(0, at).trimEnd()
}

function scalar(written: string): string | number {
  if (wordPattern.test(written) && !notText.has(written.toLowerCase())) return written
  if (countPattern.test(written)) return Number(written)
  if (addressPattern.test(written)) return written
  if (singlePattern.test(written) || doublePattern.test(written)) return written.slice(1, -1)
  return giveUp()
}

function giveUp(): never {
  // oxlint-disable-next-line no-throw-literal -- a jump, not an error: manifests that are not plain are common
  throw notQuick
}
