import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Layer {
  readonly name: string
  /** `packages/base/*` */
  readonly leaves: string
  readonly purpose: string
  readonly mayImport: readonly string[]
  /** Leaves of these layers that it may not import all the same. */
  readonly exceptLeaves?: readonly string[]
  /** Names of bans. */
  readonly never: readonly string[]
}

/** Modules, or names of a module, that a layer must not import. A `*` stands for any rest. */
export interface Ban {
  readonly modules: readonly string[]
  readonly names?: Readonly<Record<string, readonly string[]>>
  readonly why: string
  readonly instead: string
}

export interface Architecture {
  readonly scope: string
  readonly layers: readonly Layer[]
  readonly bans: Readonly<Record<string, Ban>>
  /** Folders without layers, where only the rules on single files hold. */
  readonly sourceOnly: readonly string[]
  /** The only files that may touch Node's private handles. */
  readonly privateHandles: string
}

/** Reads `architecture.json`; throws when it names a layer or a ban that it does not define. */
export function readArchitecture(root: string): Architecture {
  // Our own file, checked below as far as a slip in it could switch a rule off.
  const architecture = JSON.parse(readFileSync(join(root, 'architecture.json'), 'utf8')) as Architecture
  const layers = new Set(architecture.layers.map((layer) => layer.name))
  for (const layer of architecture.layers) {
    for (const name of layer.mayImport) {
      if (!layers.has(name))
        throw new Error(`architecture.json: ${layer.name} may import ${name}, which is no layer`)
    }
    for (const name of layer.never) {
      if (!Object.hasOwn(architecture.bans, name)) {
        throw new Error(`architecture.json: ${layer.name} never imports ${name}, which is no ban`)
      }
    }
  }
  return architecture
}

/** Whether `module` is one of `patterns`, which may end in `*`. */
export function matchesAny(patterns: readonly string[], module: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? module.startsWith(pattern.slice(0, -1)) : module === pattern,
  )
}
