import { isAlias, isMap, isNode, isScalar, isSeq } from 'yaml'
import type { Node, Pair, YAMLMap } from 'yaml'
import { ownText } from '@tulle/core'
import { fieldPath } from './field-path.ts'
import type { FieldPath } from './field-path.ts'
import type { ManifestLimits } from './limits.ts'
import type { TextFault } from './parse-yaml.ts'
import { yamlNodes } from './yaml-nodes.ts'

/** A document as plain data, and where each of its fields stands (offsets within its text). */
export interface PlainDocument {
  readonly value: unknown
  /** By `fieldPath`: where the key stands. */
  readonly keyAt: ReadonlyMap<string, number>
  /** By `fieldPath`: where the value stands, or its key where it has none. */
  readonly valueAt: ReadonlyMap<string, number>
  readonly faults: readonly PlainFault[]
}

interface PlainFault extends TextFault {
  readonly path: string
}

interface Walk {
  readonly targets: ReadonlyMap<unknown, unknown>
  readonly limits: ManifestLimits
  readonly keyAt: Map<string, number>
  readonly valueAt: Map<string, number>
  readonly faults: PlainFault[]
  values: number
  merges: number
  /** Set once a limit was reached: the rest is not looked at. */
  stopped: boolean
}

/** Aliases and merge keys are resolved, within bounds; a key written twice is a fault. */
export function plainDocument(root: Node | null, limits: ManifestLimits): PlainDocument {
  const { targets, faults: lost } = aliasTargets(root)
  const walk: Walk = {
    targets,
    limits,
    keyAt: new Map(),
    valueAt: new Map(),
    faults: [...lost],
    values: 0,
    merges: 0,
    stopped: false,
  }
  const value = plain(walk, root, [], offsetOf(root) ?? 0)
  const { keyAt, valueAt, faults } = walk
  return { value, keyAt, valueAt, faults }
}

/** Which node each alias stands for: the last before it with that anchor. One pass, however many there are. */
function aliasTargets(root: Node | null): {
  readonly targets: ReadonlyMap<unknown, unknown>
  readonly faults: readonly PlainFault[]
} {
  const anchors = new Map<string, unknown>()
  const targets = new Map<unknown, unknown>()
  const faults: PlainFault[] = []
  for (const node of yamlNodes(root)) {
    if (isAlias(node)) {
      const { source } = node
      targets.set(node, anchors.get(source))
      if (anchors.has(source) || faults.length > 0) continue
      const message = `*${source} stands for nothing: there is no &${source} before it in this document; put quotes around a text that begins with *`
      faults.push({ code: 'API_SYNTAX', offset: offsetOf(node) ?? 0, path: '', message })
    } else if (isNode(node) && node.anchor !== undefined) {
      anchors.set(node.anchor, node)
    }
  }
  return { targets, faults }
}

function plain(walk: Walk, node: unknown, path: FieldPath, at: number): unknown {
  const { limits } = walk
  if (walk.stopped) return undefined
  const offset = isEmpty(node) ? at : (offsetOf(node) ?? at)
  walk.valueAt.set(fieldPath(path), offset)
  if (++walk.values > limits.maxValues) return stop(walk, 'API_TOO_LARGE', offset)
  if (path.length > limits.maxDepth) return stop(walk, 'API_TOO_DEEP', offset)
  const target = isAlias(node) ? walk.targets.get(node) : node
  if (isMap(target)) return plainMap(walk, target, path, offset)
  if (isSeq(target)) return target.items.map((item, i) => plain(walk, item, [...path, i], offset))
  return isScalar(target) ? scalarValue(target) : null
}

function stop(walk: Walk, code: 'API_TOO_LARGE' | 'API_TOO_DEEP', offset: number): undefined {
  const { maxValues, maxDepth } = walk.limits
  const message =
    code === 'API_TOO_LARGE'
      ? `a document of more than ${maxValues} values; split it into several`
      : `nested more than ${maxDepth} deep; expected a manifest`
  walk.faults.push({ code, offset, path: '', message })
  walk.stopped = true
}

function plainMap(walk: Walk, map: YAMLMap, path: FieldPath, at: number): Record<string, unknown> {
  // Without a prototype, so that a key such as __proto__ is a key and nothing else.
  const record = Object.create(null) as Record<string, unknown>
  const pairs = map.items.map((pair) => ({ pair, key: keyText(pair) }))
  for (const { pair, key } of pairs) {
    if (key === '<<') Object.assign(record, merged(walk, pair.value, path, at))
  }
  const written = new Map<string, number>()
  for (const { pair, key } of pairs) {
    if (key === '<<') continue
    const keyPath = [...path, key]
    const offset = offsetOf(pair.key) ?? at
    const before = written.get(key)
    if (before !== undefined) {
      const message = 'written twice in one map; leave one of the two out'
      walk.faults.push({ code: 'API_DUPLICATE_KEY', offset, path: fieldPath(keyPath), message })
      continue
    }
    written.set(key, offset)
    walk.keyAt.set(fieldPath(keyPath), offset)
    record[key] = plain(walk, pair.value, keyPath, offset)
  }
  return record
}

/** What `<<` brings in: a map, or several, of which the first that has a key wins. @see YAML 1.1 merge key */
function merged(walk: Walk, node: unknown, path: FieldPath, at: number): Record<string, unknown> {
  if (walk.stopped) return {}
  const target = isAlias(node) ? walk.targets.get(node) : node
  if (++walk.merges > walk.limits.maxDepth) {
    stop(walk, 'API_TOO_DEEP', at)
    return {}
  }
  const record = isMap(target)
    ? plainMap(walk, target, path, at)
    : isSeq(target)
      ? Object.assign({}, ...target.items.toReversed().map((item) => merged(walk, item, path, at)))
      : {}
  walk.merges--
  return record
}

function keyText(pair: Pair): string {
  const { key } = pair
  if (!isScalar(key)) return ''
  return ownText(typeof key.value === 'string' ? key.value : (key.source ?? ''))
}

function scalarValue(scalar: { readonly value: unknown; readonly source?: string }): unknown {
  const { value, source } = scalar
  const isPlain =
    value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  return typeof value === 'string' ? ownText(value) : isPlain ? value : ownText(source ?? '')
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && (node.source ?? '') === '')
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined
  return Array.isArray(node.range) && typeof node.range[0] === 'number' ? node.range[0] : undefined
}
