import { checkLayer } from './check-imports.ts'
import type { ImportContext } from './check-imports.ts'
import type { Problem } from './problem.ts'
import type { Leaf } from './workspace.ts'

/** What is wrong with a package's package.json: its exports, and what it declares to lean on. */
export function checkManifest(leaf: Leaf, context: ImportContext): readonly Problem[] {
  const file = `${leaf.folder}/package.json`
  return [...checkExports(leaf, file), ...checkDependencies(leaf, file, context)]
}

function checkExports(leaf: Leaf, file: string): readonly Problem[] {
  const { exports } = leaf.manifest
  const keys = typeof exports === 'object' && exports !== null ? Object.keys(exports) : []
  if (keys.length === 1 && keys[0] === '.') return []
  return [
    {
      file,
      offset: Math.max(0, leaf.manifestText.indexOf('"exports"')),
      what: `${leaf.name} exports ${keys.length === 0 ? 'nothing by name' : keys.join(', ')}`,
      why: 'one index names all that others may use',
      instead: 'let "exports" have only "."',
    },
  ]
}

/** A declared breach is one too, also before anything is imported. */
function checkDependencies(leaf: Leaf, file: string, context: ImportContext): readonly Problem[] {
  return Object.keys(leaf.manifest.dependencies ?? {}).flatMap((name) => {
    const target = context.leavesByName.get(name)
    const breach = target === undefined ? undefined : checkLayer(leaf, target)
    if (breach === undefined) return []
    return [{ file, offset: Math.max(0, leaf.manifestText.indexOf(`"${name}"`)), ...breach }]
  })
}
