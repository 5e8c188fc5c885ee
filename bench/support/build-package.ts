import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const checkout = join(import.meta.dirname, '../..')

/**
 * What users install, of the sources of a checkout that has its dependencies, in a folder of this name; where it finds
 * them too. Returns the command.
 */
export function buildPackage(name: string, sources: string = checkout): string {
  const folder = join(sources, 'node_modules/.cache', name)
  const built = spawnSync(process.execPath, [join(sources, 'tools/build.ts'), folder], {
    cwd: sources,
    encoding: 'utf8',
  })
  if (built.status !== 0) throw new Error(`npm run build: ${built.stderr}`)
  return join(folder, 'bin/tulle.js')
}
