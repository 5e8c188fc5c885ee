import type { HeaderModifierSpec, PathModifierSpec, RouteFilterSpec } from '@tulle/api'
import { defined } from '@tulle/core'
import { unchangeableFields } from '@tulle/traffic'
import type { HeaderChanges, HttpFilter, PathChange } from '@tulle/traffic'
import { resolveBackend } from './backends.ts'
import type { RefContext } from './backends.ts'
import { problemAt } from './problem-notes.ts'
import type { FieldProblem } from './problem-notes.ts'
import { mirrorGrantProblem } from './reference-grants.ts'

/** Filters of a rule or of one of its backends. */
export interface TranslatedFilters {
  readonly filters: readonly HttpFilter[]
  /** References that lead nowhere: what they ask for is left out. */
  readonly refs: readonly FieldProblem[]
  /** What nobody carries out and may not be skipped: its requests are answered with an error. */
  readonly unknown: readonly FieldProblem[]
  /** Why the rule can't be in force. */
  readonly faults: readonly FieldProblem[]
}

export interface FilterPlace {
  /** `spec.rules[0].filters`. */
  readonly path: string
  /** The prefix that the rule's only match has, where it has one: what a replacement takes the place of. */
  readonly prefix: string | undefined
  /** Filters of a backend can't answer in its place. */
  readonly ofBackend: boolean
}

export function translateFilters(
  specs: readonly RouteFilterSpec[],
  place: FilterPlace,
  context: RefContext,
): TranslatedFilters {
  const parts = specs.map((spec, i) => {
    const path = `${place.path}[${i}]`
    return translateFilter(spec, { ...place, path }, context)
  })
  return {
    filters: parts.flatMap(({ filter }) => filter ?? []),
    refs: parts.flatMap(({ ref }) => ref ?? []),
    unknown: parts.flatMap(({ unknown }) => unknown ?? []),
    faults: parts.flatMap(({ fault }) => fault ?? []),
  }
}

interface Part {
  readonly filter?: HttpFilter
  readonly ref?: FieldProblem
  readonly unknown?: FieldProblem
  readonly fault?: FieldProblem
}

function translateFilter(spec: RouteFilterSpec, place: FilterPlace, context: RefContext): Part {
  switch (spec.type) {
    case 'RequestHeaderModifier':
      return headerFilter('request-headers', spec.requestHeaderModifier, { place, context })
    case 'ResponseHeaderModifier':
      return headerFilter('response-headers', spec.responseHeaderModifier, { place, context })
    case 'RequestMirror':
      return mirrorFilter(spec, place, context)
    case 'RequestRedirect': {
      if (place.ofBackend) return { fault: backendFault(spec.type, place, context) }
      const { scheme, hostname, port, statusCode } = spec
      const path = pathChange(spec.path, place.prefix)
      return {
        filter: defined({
          kind: 'redirect' as const,
          scheme,
          host: hostname,
          port,
          path,
          status: statusCode,
        }),
      }
    }
    case 'URLRewrite':
      return {
        filter: defined({
          kind: 'rewrite' as const,
          host: spec.hostname,
          path: pathChange(spec.path, place.prefix),
        }),
      }
    case 'CORS':
      if (place.ofBackend) return { fault: backendFault(spec.type, place, context) }
      return { filter: { kind: 'cors', cors: spec.cors } }
    case 'ExtensionRef':
      return { unknown: unknownFilter(`${spec.group}/${spec.kind}`, place, context) }
    case 'ExternalAuth':
      return { unknown: unknownFilter(spec.type, place, context) }
  }
}

function unknownFilter(what: string, { path }: FilterPlace, { route }: RefContext): FieldProblem {
  const message = `nobody carries out a filter ${what}; its requests are answered with 500`
  return problemAt(route, path, { reason: 'InvalidKind', message })
}

function backendFault(type: string, { path }: FilterPlace, { route }: RefContext): FieldProblem {
  return problemAt(route, path, {
    reason: 'UnsupportedValue',
    message: `a ${type} belongs to the rule, not to one backend`,
  })
}

interface Site {
  readonly place: FilterPlace
  readonly context: RefContext
}

function headerFilter(
  kind: 'request-headers' | 'response-headers',
  spec: HeaderModifierSpec,
  { place, context }: Site,
): Part {
  const changes = headerChanges(spec)
  const names = [...changes.set, ...changes.add].map(({ name }) => name).concat(changes.remove)
  const refused = names.find((name) => unchangeableFields.has(name))
  if (refused === undefined) return { filter: { kind, changes } }
  const hint = refused === 'host' ? 'a URLRewrite changes it' : 'it belongs to the connection'
  const message = `the header ${refused} can't be changed: ${hint}`
  return { fault: problemAt(context.route, place.path, { reason: 'UnsupportedValue', message }) }
}

/** Names without case; of two with one name the first holds. @see HTTPHeader of the Gateway API */
function headerChanges({ set, add, remove }: HeaderModifierSpec): HeaderChanges {
  const lowered = (list: HeaderModifierSpec['set']): HeaderChanges['set'] =>
    list
      .map(({ name, value }) => ({ name: name.toLowerCase(), value }))
      .filter(({ name }, i, all) => all.findIndex((other) => other.name === name) === i)
  return {
    set: lowered(set),
    add: lowered(add),
    remove: [...new Set(remove.map((name) => name.toLowerCase()))],
  }
}

function pathChange(spec: PathModifierSpec | undefined, prefix: string | undefined): PathChange | undefined {
  if (spec === undefined) return undefined
  if (spec.type === 'ReplaceFullPath') return { kind: 'full', path: absolute(spec.replaceFullPath) }
  return { kind: 'prefix', prefix: prefix ?? '/', replacement: absolute(spec.replacePrefixMatch) }
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}

type MirrorSpec = Extract<RouteFilterSpec, { type: 'RequestMirror' }>

/** A mirror that leads nowhere is left out, and nothing else. @see HTTPRequestMirrorFilter.backendRef */
function mirrorFilter(
  { backendRef, fraction }: MirrorSpec,
  { path }: FilterPlace,
  context: RefContext,
): Part {
  const refPath = `${path}.requestMirror.backendRef`
  const { backend, problem } = resolveBackend(backendRef, refPath, context)
  const ref = problem ?? mirrorGrantProblem(backendRef, refPath, context)
  return ref === undefined ? { filter: { kind: 'mirror', backend, fraction } } : { ref }
}
