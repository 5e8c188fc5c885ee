import { cpSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly description?: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

function readManifest(file: string): Manifest {
  // npm reads these files too and is stricter.
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest
}

/** The versions that the leaves pin, of packages that stay dependencies. Throws when they differ, or none is pinned. */
export function pinnedVersions(root: string, names: readonly string[]): Readonly<Record<string, string>> {
  const manifests = globSync('packages/*/*/package.json', { cwd: root }).map((file) =>
    readManifest(join(root, file)),
  )
  return Object.fromEntries(
    names.toSorted().map((name) => {
      const found = new Set(manifests.flatMap(({ dependencies }) => dependencies?.[name] ?? []))
      const [version, ...others] = found
      if (version !== undefined && others.length === 0) return [name, version]
      throw new Error(`build: expected one version of ${name}, found ${[...found].join(', ') || 'none'}`)
    }),
  )
}

export interface PackageOptions {
  readonly root: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly companions: readonly string[]
  readonly notices: string
  readonly folder: string
}

/** Everything of the package but the bundle. */
export function writePackageFiles(options: PackageOptions): void {
  const { root, dependencies, companions, notices, folder } = options
  const { name, version } = readManifest(join(root, 'apps/tulle/package.json'))
  const { description, license } = readManifest(join(root, 'package.json'))
  const manifest = {
    name,
    version,
    description,
    license,
    type: 'module',
    bin: { tulle: 'bin/tulle.js' },
    engines: { node: '>=24.12' },
    os: ['linux', 'darwin'],
    dependencies,
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  writeFileSync(join(folder, 'THIRD-PARTY-NOTICES'), notices)
  for (const file of ['README.md', 'LICENSE', ...companions]) {
    cpSync(join(root, file), join(folder, file), { recursive: true })
  }
  cpSync(join(root, 'apps/tulle/bin/installed.js'), join(folder, 'bin/tulle.js'))
}
