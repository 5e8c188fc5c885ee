import { relative, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import type { Plugin, RolldownOutput } from 'rolldown'
import { replaceLocations } from './locations.ts'

export interface BundleOptions {
  readonly root: string
  /** Name of an entry → its source; each comes out as `<name>.js`. */
  readonly entries: Readonly<Record<string, string>>
  /** Packages that stay imports: those with a binary. */
  readonly dependencies: readonly string[]
  /** Packages that something inside would load for what we never call. */
  readonly leftOut: readonly string[]
  /** Folders that the package takes along, as paths from the root: they lie beside `folder`. */
  readonly companions: readonly string[]
  readonly folder: string
}

/**
 * Bundles the entries and what they share into one flat folder, and gives the sources that went in, of others'
 * packages too. Rejects when anything is left that would not be found there.
 */
export async function bundle(options: BundleOptions): Promise<readonly string[]> {
  const { root, entries, dependencies, folder } = options
  const build = await rolldown({
    cwd: root,
    input: { ...entries },
    platform: 'node',
    external: (id) =>
      id.startsWith('node:') || dependencies.some((name) => id === name || id.startsWith(`${name}/`)),
    // A module of ours does nothing when it is only loaded, except the entries; others' packages say so themselves.
    treeshake: { moduleSideEffects: [{ test: /^(?!.*\/node_modules\/)/, sideEffects: false }] },
    plugins: [locations(options), absence(options), oneByte],
    onLog: (level, log, print) => {
      if (level !== 'warn') return print(level, log)
      throw new Error(`bundle: ${log.message}`)
    },
  })
  const { output } = await build.write({
    dir: folder,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    comments: false,
  })
  await build.close()
  expectEntriesAlone(output, new Set(Object.keys(entries).map((name) => `${name}.js`)))
  return output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []))
}

/** An entry acts when it is loaded, so that whoever needs a part of one would act as it. Such a part needs a second user, or another place. */
function expectEntriesAlone(output: RolldownOutput['output'], entries: ReadonlySet<string>): void {
  for (const part of output) {
    const entry = part.type === 'chunk' ? part.imports.find((name) => entries.has(name)) : undefined
    if (entry !== undefined)
      throw new Error(`bundle: expected nothing that imports ${entry}, found ${part.fileName}`)
  }
}

/** In the sources a file names another by its place in the checkout; in the package both lie elsewhere. */
function locations({ root, entries, companions }: BundleOptions): Plugin {
  const places = new Map([
    ...Object.entries(entries).map(([name, source]) => [resolve(root, source), `./${name}.js`] as const),
    ...companions.map((path) => [resolve(root, path), `../${path}`] as const),
    [resolve(root, 'apps/tulle/package.json'), '../package.json'],
  ])
  return {
    name: 'locations',
    transform: (code, id) => {
      if (!id.startsWith(root)) return undefined
      return replaceLocations(id, code, (path) => {
        const target = resolve(id, '..', path)
        const place = places.get(target)
        if (place !== undefined) return place
        throw new Error(
          `bundle: expected an entry or a companion of the package, found ${relative(root, target)} in ${relative(root, id)}`,
        )
      })
    },
  }
}

/**
 * V8 keeps a source at two bytes a character as soon as one of them is beyond Latin-1, for as long as the process lives,
 * and in each thread: a megabyte for a few dashes. Escapes mean the same in strings, templates and expressions.
 */
const oneByte: Plugin = {
  name: 'one-byte',
  generateBundle: (_options, parts) => {
    for (const part of Object.values(parts)) {
      if (part.type !== 'chunk' || !/[^\0-\x7f]/.test(part.code)) continue
      // There alone an escape would be read as it is written.
      const raw = /String\.raw`[^`]*[^\0-\x7f`][^`]*`/.exec(part.code)
      if (raw !== null) throw new Error(`bundle: expected ASCII, found ${raw[0]} in ${part.fileName}`)
      part.code = part.code.replaceAll(/[^\0-\x7f]/g, escapeUnit)
    }
  },
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Whoever calls for a package that was left out is told. */
function absence({ leftOut }: BundleOptions): Plugin {
  const prefix = '\0left-out:'
  return {
    name: 'absence',
    resolveId: (id) => (leftOut.includes(id) ? `${prefix}${id}` : undefined),
    load: (id) =>
      id.startsWith(prefix)
        ? `module.exports = new Proxy({}, { get() { throw new Error('${id.slice(prefix.length)} is no part of this package') } })`
        : undefined,
  }
}
