import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture, Layer } from './architecture.ts'

export interface Manifest {
  readonly name?: string
  readonly exports?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

export interface SourceFile {
  /** Relative to the root. */
  readonly path: string
  readonly text: string
  /** Tests and their fixtures, which may use Node and the workspace's test tools. */
  readonly isTest: boolean
}

/** One package of the workspace. */
export interface Leaf {
  readonly name: string
  /** Relative to the root. */
  readonly folder: string
  readonly layer: Layer
  readonly manifest: Manifest
  readonly manifestText: string
  readonly files: readonly SourceFile[]
}

export interface Workspace {
  readonly leaves: readonly Leaf[]
  /** Packages that are in no layer, by their folder. */
  readonly homeless: readonly string[]
  /** Files of folders without layers. */
  readonly looseFiles: readonly SourceFile[]
  readonly rootManifest: Manifest
}

export function readWorkspace(root: string, architecture: Architecture): Workspace {
  const leaves = architecture.layers.flatMap((layer) =>
    packageFolders(root, layer.leaves).map((folder) => readLeaf(root, folder, layer)),
  )
  const housed = new Set(leaves.map((leaf) => leaf.folder))
  const all = [...packageFolders(root, 'packages/*/*'), ...packageFolders(root, 'apps/*')]
  return {
    leaves,
    homeless: all.filter((folder) => !housed.has(folder)),
    looseFiles: architecture.sourceOnly.flatMap((folder) => readSources(root, folder)),
    rootManifest: readManifest(readFileSync(join(root, 'package.json'), 'utf8')),
  }
}

function readLeaf(root: string, folder: string, layer: Layer): Leaf {
  const manifestText = readFileSync(join(root, folder, 'package.json'), 'utf8')
  const manifest = readManifest(manifestText)
  const files = readSources(root, `${folder}/src`)
  return { name: manifest.name ?? folder, folder, layer, manifest, manifestText, files }
}

function readManifest(text: string): Manifest {
  // npm itself refuses a package.json of another shape.
  return JSON.parse(text) as Manifest
}

/** Folders with a package.json that match a pattern such as `packages/base/*`, in name order. */
function packageFolders(root: string, pattern: string): readonly string[] {
  let folders = ['']
  for (const part of pattern.split('/')) {
    folders = folders.flatMap((folder) => (part === '*' ? subfolders(root, folder) : [join(folder, part)]))
  }
  return folders.filter((folder) => existsSync(join(root, folder, 'package.json')))
}

function subfolders(root: string, folder: string): readonly string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map((entry) => join(folder, entry.name))
    .toSorted()
}

function readSources(root: string, folder: string): readonly SourceFile[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/u.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !/\/(node_modules|testdata)\//u.test(path))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8'), isTest: isTestPath(path) }))
}

function isTestPath(path: string): boolean {
  return /(\.test|\.bench|-fixture|-conformance)\.ts$|\/test-[a-z-]+\.ts$|\/testing\//u.test(path)
}
