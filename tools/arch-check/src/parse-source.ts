import { parseSync, Visitor } from 'oxc-parser'

/** One place where a file names a module: import, export … from, import(), or a type's import(). */
export interface ModuleUse {
  /** Undefined where it is not a plain string. */
  readonly specifier: string | undefined
  /** What is imported by name; '*' for everything. */
  readonly names: readonly string[]
  readonly offset: number
}

/** A use of what is allowed only in one place, or nowhere. */
export interface BannedUse {
  readonly kind: 'bare-tls-server' | 'private-handle' | 'reads-the-clock'
  readonly offset: number
}

export interface ParsedSource {
  readonly errors: readonly { readonly message: string; readonly offset: number }[]
  readonly modules: readonly ModuleUse[]
  readonly banned: readonly BannedUse[]
}

/** Only a file with one of these needs its syntax tree, which costs most of the time. */
const needsTree = /import\s*\(|TLSSocket|_handle|\bbinding\b|new\s+Date\b|\bDate\s*\(/u

export function parseSource(path: string, text: string): ParsedSource {
  const parsed = parseSync(path, text)
  const errors = parsed.errors.map(({ message, labels }) => ({ message, offset: labels[0]?.start ?? 0 }))
  const modules: ModuleUse[] = []
  for (const { moduleRequest, entries } of parsed.module.staticImports) {
    const names = entries.map((entry) => entry.importName.name ?? '*')
    modules.push({ specifier: moduleRequest.value, names, offset: moduleRequest.start })
  }
  for (const { moduleRequest, importName } of parsed.module.staticExports.flatMap((one) => one.entries)) {
    if (moduleRequest === null) continue
    modules.push({
      specifier: moduleRequest.value,
      names: [importName.name ?? '*'],
      offset: moduleRequest.start,
    })
  }
  const banned: BannedUse[] = []
  if (needsTree.test(text)) visitTree(parsed.program, modules, banned)
  return { errors, modules, banned }
}

type Program = ReturnType<typeof parseSync>['program']
type VisitorObject = ConstructorParameters<typeof Visitor>[0]
type NewExpression = Parameters<NonNullable<VisitorObject['NewExpression']>>[0]
type Expression = NewExpression['callee']

function visitTree(program: Program, modules: ModuleUse[], banned: BannedUse[]): void {
  const visitor = new Visitor({
    ImportExpression({ source, start }) {
      const specifier =
        source.type === 'Literal' && typeof source.value === 'string' ? source.value : undefined
      modules.push({ specifier, names: ['*'], offset: start })
    },
    TSImportType({ source, qualifier, start }) {
      const name = qualifier?.type === 'Identifier' ? qualifier.name : '*'
      modules.push({ specifier: source.value, names: [name], offset: start })
    },
    NewExpression(node) {
      if (isBareTlsServer(node)) banned.push({ kind: 'bare-tls-server', offset: node.start })
      if (nameOf(node.callee) === 'Date' && node.arguments.length === 0) {
        banned.push({ kind: 'reads-the-clock', offset: node.start })
      }
    },
    CallExpression({ callee, start }) {
      if (callee.type === 'Identifier' && callee.name === 'Date') {
        banned.push({ kind: 'reads-the-clock', offset: start })
      }
    },
    MemberExpression(node) {
      const isBinding = nameOf(node.object) === 'process' && nameOf(node) === 'binding'
      if (isBinding || nameOf(node) === '_handle') banned.push({ kind: 'private-handle', offset: node.start })
    },
    Property({ key, start }) {
      if (nameOf(key) === '_handle') banned.push({ kind: 'private-handle', offset: start })
    },
    Literal(node) {
      if (node.value === '_handle') banned.push({ kind: 'private-handle', offset: node.start })
    },
  })
  visitor.visit(program)
}

/** `new TLSSocket(socket, options)` whose options make it a server, or may do so unseen. */
function isBareTlsServer(node: NewExpression): boolean {
  if (nameOf(node.callee) !== 'TLSSocket') return false
  const options = node.arguments[1]
  if (options === undefined) return node.arguments.some((argument) => argument.type === 'SpreadElement')
  if (options.type !== 'ObjectExpression') return true
  return options.properties.some(
    (property) =>
      property.type === 'SpreadElement' ||
      property.computed ||
      (nameOf(property.key) === 'isServer' &&
        !(property.value.type === 'Literal' && property.value.value === false)),
  )
}

/** The last name in an expression, whatever it is cast to: `TLSSocket` in `tls.TLSSocket`. */
function nameOf(node: Expression | { readonly type: string }): string {
  if ('name' in node && typeof node.name === 'string') return node.name
  if ('value' in node && typeof node.value === 'string') return node.value
  if ('expression' in node && isNode(node.expression)) return nameOf(node.expression)
  if ('property' in node && isNode(node.property)) return nameOf(node.property)
  return ''
}

function isNode(value: unknown): value is { readonly type: string } {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}
