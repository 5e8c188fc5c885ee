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
      filled = hasContent(text.slice(at + 3, next), marked)
    } else if (marker === '...') {
      close(next)
    } else {
      filled ||= hasContent(text.slice(at, next), marked)
    }
    at = next
  }
  close(text.length)
  return documents
}

function markerAt(text: string, at: number): '---' | '...' | undefined {
  const marker = text.slice(at, at + 3)
  if (marker !== '---' && marker !== '...') return undefined
  const after = text[at + 3]
  return after === undefined || ' \t\r\n'.includes(after) ? marker : undefined
}

/** Whether a line says anything: not blank, no comment, and before the marker no directive. */
function hasContent(line: string, marked: boolean): boolean {
  const written = line.replace('\uFEFF', '')
  const [first] = written.trimStart()
  // A directive begins its line; behind blanks the sign is a fault of this document. @see YAML 1.2.2 §6.8
  return first !== undefined && first !== '#' && (marked || !written.startsWith('%'))
}
