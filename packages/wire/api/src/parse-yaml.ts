import { Composer, isAlias, isNode, isScalar, Lexer, Parser } from 'yaml'
import type { Document, Node } from 'yaml'
import type { ManifestLimits } from './limits.ts'
import type { ApiCode } from './problem.ts'
import { yamlNodes } from './yaml-nodes.ts'

/** What is wrong with the text of one document; the offset counts from its beginning. */
export interface TextFault {
  readonly code: ApiCode
  readonly offset: number
  readonly message: string
}

export interface ParsedYaml {
  /** What could be read of it, which with a fault is not all. */
  readonly root: Node | null
  readonly fault: TextFault | undefined
}

/** Parses one document within bounds. The first fault is told: those after it usually follow from it. */
export function parseYaml(text: string, limits: ManifestLimits): ParsedYaml {
  // Equal keys are looked for by the walk: the library compares each key with each other.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: 'error' })
  const parser = new Parser()
  const documents: Document.Parsed[] = []
  let tokens = 0
  let depth = 0
  let offset = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '[' || lexeme === '{') depth++
    else if (lexeme === ']' || lexeme === '}') depth = Math.max(0, depth - 1)
    if (depth > limits.maxDepth) return tooDeep(limits, offset)
    if (++tokens > limits.maxTokens) return tooLarge(limits, offset)
    offset += lexeme.length
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token))
  }
  for (const token of parser.end()) documents.push(...composer.next(token))
  documents.push(...composer.end(false, text.length))
  return { root: documents[0]?.contents ?? null, fault: faultOf(documents, limits) }
}

function faultOf(documents: readonly Document.Parsed[], limits: ManifestLimits): TextFault | undefined {
  const faults = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])
  const [first] = faults.toSorted((a, b) => a.pos[0] - b.pos[0])
  if (first === undefined) return undefined
  const [message = ''] = first.message.split('\n')
  // The library runs out of stack and says so, in one of these ways.
  if (/call stack|Invalid regular expression/u.test(message)) return tooDeep(limits, first.pos[0]).fault
  const offset = opening(documents[0]?.contents, { offset: first.pos[0], message }) ?? first.pos[0]
  return { code: 'API_SYNTAX', offset, message: `not valid YAML: ${syntaxMessage(first.code, message)}` }
}

/** What is not closed is noticed where the document ends; users look for where it begins. */
function opening(
  root: unknown,
  fault: { readonly offset: number; readonly message: string },
): number | undefined {
  const isQuote = fault.message.startsWith('Missing closing')
  if (!isQuote && !/^Flow (map|sequence)/u.test(fault.message)) return undefined
  let found: number | undefined
  for (const node of yamlNodes(root)) {
    if (!isNode(node) || isAlias(node)) continue
    const isOpener = isScalar(node) ? isQuote && node.type?.startsWith('QUOTE') : !isQuote && node.flow
    const [start, , end] = node.range ?? [fault.offset, 0, 0]
    if (isOpener === true && start < fault.offset && end >= fault.offset - 1) found = start
  }
  return found
}

/** The library's words, and what to do where we know. */
function syntaxMessage(code: string, message: string): string {
  if (message.startsWith('Missing closing')) return 'the text in quotes that begins here does not end'
  if (message.startsWith('Flow map')) return 'the { that begins here does not end; is a } missing?'
  if (message.startsWith('Flow sequence')) return 'the [ that begins here does not end; is a ] missing?'
  const hint = hints[code]
  return `${message.slice(0, 300)}${hint === undefined ? '' : ` (${hint})`}`
}

const hints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'fields of one map begin in the same column',
  BLOCK_AS_IMPLICIT_KEY:
    'put quotes around a text that has ": " in it; fields of one map begin in the same column',
  MULTILINE_IMPLICIT_KEY: 'is a ":" missing?',
  MISSING_CHAR: 'is a ":" missing?',
  BAD_SCALAR_START: 'put quotes around the text',
  UNEXPECTED_TOKEN: 'put quotes around a text that begins with one of , [ ] { } # & * ! | > % @ `',
  TAG_RESOLVE_FAILED: 'manifests need no tags; put quotes around a text that begins with !',
}

function tooDeep(limits: ManifestLimits, offset: number): ParsedYaml {
  const message = `nested more than ${limits.maxDepth} deep; expected a manifest`
  return { root: null, fault: { code: 'API_TOO_DEEP', offset, message } }
}

function tooLarge(limits: ManifestLimits, offset: number): ParsedYaml {
  const message = `a document of more than ${limits.maxTokens} tokens; split it into several`
  return { root: null, fault: { code: 'API_TOO_LARGE', offset, message } }
}
