import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const checkout = join(import.meta.dirname, '../..')

/**
 * What users install, of these sources, in a folder of this name; where it finds the dependencies of the checkout.
 * Returns the command.
 */
export function buildPackage(name: string): string {
  const folder = join(checkout, 'node_modules/.cache', name)
  const built = spawnSync(process.execPath, [join(checkout, 'tools/build.ts'), folder], { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`npm run build: ${built.stderr}`)
  return join(folder, 'bin/tulle.js')
}
