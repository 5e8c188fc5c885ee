/** One document of a file: its text and where that begins. */
export interface DocumentText {
  readonly text: string
  readonly offset: number
}

/**
 * Splits a file at its document markers before YAML is parsed, so that a syntax error stays within its document: the
 * markers can't occur inside of any scalar. Documents with nothing but blanks and comments are left out.
 * @see YAML 1.2.2 §9.1.2, c-forbidden
 */
export function splitDocuments(text: string): readonly DocumentText[] {
  const documents: DocumentText[] = []
  let start = 0
  let marked = false
  let filled = false
  const close = (end: number): void => {
    if (filled) documents.push({ text: text.slice(start, end), offset: start })
    start = end
    marked = false
    filled = false
  }
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf('\n', at)
    const next = lineEnd < 0 ? text.length : lineEnd + 1
    const marker = markerAt(text, at)
    if (marker === '---') {
      // Directives and comments before the first marker belong to the document that it begins.
      if (filled || marked) close(at)
      marked = true
      filled = hasContent(text, at + 3, next, marked)
    } else if (marker === '...') {
      close(next)
    } else {
      filled ||= hasContent(text, at, next, marked)
    }
    at = next
  }
  close(text.length)
  return documents
}

const hyphen = 0x2d
const dot = 0x2e
const blank = 0x20
const newline = 0x0a
const percent = 0x25
const numberSign = 0x23

function markerAt(text: string, at: number): '---' | '...' | undefined {
  const sign = text.charCodeAt(at)
  if (sign !== hyphen && sign !== dot) return undefined
  if (text.charCodeAt(at + 1) !== sign || text.charCodeAt(at + 2) !== sign) return undefined
  const after = text[at + 3]
  if (after !== undefined && !' \t\r\n'.includes(after)) return undefined
  return sign === hyphen ? '---' : '...'
}

/** Whether a line says anything: not blank, no comment, and before the marker no directive. */
function hasContent(text: string, from: number, end: number, marked: boolean): boolean {
  let at = from
  while (at < end && text.charCodeAt(at) === blank) at++
  const code = text.charCodeAt(at)
  if (at === end || code === newline) return false
  if (code > blank && code < 0x7f) return code !== numberSign && (marked || at > from || code !== percent)
  return hasUnusualContent(text.slice(from, end), marked)
}

/** The same for lines that begin with tabs, marks of byte order, or what is not ASCII. */
function hasUnusualContent(line: string, marked: boolean): boolean {
  const written = line.replace('\uFEFF', '')
  const [first] = written.trimStart()
  // A directive begins its line; behind blanks the sign is a fault of this document. @see YAML 1.2.2 §6.8
  return first !== undefined && first !== '#' && (marked || !written.startsWith('%'))
}
