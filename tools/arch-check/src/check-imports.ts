import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { matchesAny } from './architecture.ts'
import type { Architecture, Ban } from './architecture.ts'
import type { ModuleUse } from './parse-source.ts'
import type { Problem } from './problem.ts'
import type { Leaf, Manifest, SourceFile } from './workspace.ts'

export interface ImportContext {
  readonly architecture: Architecture
  readonly leavesByName: ReadonlyMap<string, Leaf>
  readonly rootManifest: Manifest
}

type Breach = Omit<Problem, 'file' | 'offset'>

/** What is wrong with one import of one file. */
export function checkImport(
  use: ModuleUse,
  file: SourceFile,
  leaf: Leaf,
  context: ImportContext,
): readonly Problem[] {
  const breaches =
    use.specifier === undefined ? [unreadable] : breachesOf(use.specifier, { use, file, leaf, context })
  return breaches.map((breach) => ({ file: file.path, offset: use.offset, ...breach }))
}

const unreadable: Breach = {
  what: 'an import() of something that is not a plain string',
  why: 'what cannot be read cannot be checked',
  instead: 'name the module in the import',
}

interface Subject {
  readonly use: ModuleUse
  readonly file: SourceFile
  readonly leaf: Leaf
  readonly context: ImportContext
}

function breachesOf(specifier: string, subject: Subject): readonly Breach[] {
  if (specifier.startsWith('.') || specifier.startsWith('/')) return relativeBreaches(specifier, subject)
  const module = isBuiltin(specifier) && !specifier.startsWith('node:') ? `node:${specifier}` : specifier
  const banned = bannedBreaches(module, subject)
  if (module.startsWith('node:')) return banned
  return [...banned, ...packageBreaches(specifier, subject)]
}

function relativeBreaches(specifier: string, { file, leaf }: Subject): readonly Breach[] {
  const target = join(dirname(file.path), specifier)
  if (target.startsWith(`${leaf.folder}/`)) return []
  return [
    {
      what: `${specifier} leads out of ${leaf.folder}`,
      why: 'a package is used by its name, so that its index says what others may use',
      instead: 'import the other package by its name and declare it in package.json',
    },
  ]
}

function bannedBreaches(module: string, subject: Subject): readonly Breach[] {
  const { layer } = subject.leaf
  return layer.never.flatMap((name) => {
    const ban = subject.context.architecture.bans[name]
    const named = ban === undefined || subject.file.isTest ? [] : bannedNames(ban, module, subject.use)
    return named.map((what) => ({
      what: `${layer.name} imports ${what}`,
      why: `${layer.name} never has ${name}: ${ban?.why ?? ''}`,
      instead: ban?.instead ?? '',
    }))
  })
}

function bannedNames(ban: Ban, module: string, use: ModuleUse): readonly string[] {
  if (matchesAny(ban.modules, module)) return [module]
  const names = ban.names?.[module] ?? []
  return use.names.filter((name) => names.includes(name)).map((name) => `${name} of ${module}`)
}

function packageBreaches(specifier: string, subject: Subject): readonly Breach[] {
  const { leaf, context } = subject
  const name = packageName(specifier)
  const breaches: Breach[] = []
  if (name === leaf.name) return [ownName(specifier)]
  if (!isDeclared(name, subject)) breaches.push(undeclared(name, leaf))
  if (!name.startsWith(context.architecture.scope)) return breaches
  if (specifier !== name) breaches.push(deep(specifier, name))
  const target = context.leavesByName.get(name)
  if (target === undefined) return [...breaches, noSuchPackage(name)]
  const layerBreach = checkLayer(leaf, target)
  return layerBreach === undefined ? breaches : [...breaches, layerBreach]
}

/** The breach in one package leaning on another, if there is one. */
export function checkLayer(leaf: Leaf, target: Leaf): Breach | undefined {
  const { layer } = leaf
  if (!layer.mayImport.includes(target.layer.name)) {
    const sideways = target.layer.name === layer.name
    return {
      what: `${leaf.name} (${layer.name}) imports ${target.name} (${target.layer.name})`,
      why: sideways
        ? `two packages of ${layer.name} never import each other`
        : `${layer.name} may import only ${layer.mayImport.join(', ')}`,
      instead: sideways
        ? 'let them meet over a socket, or move what both need to a lower layer'
        : 'move what is needed to a lower layer, or pass it in from above',
    }
  }
  const leafName = target.folder.split('/').at(-1) ?? ''
  if (layer.exceptLeaves?.includes(leafName) !== true) return undefined
  return {
    what: `${leaf.name} (${layer.name}) imports ${target.name}`,
    why: `${layer.name} may import ${target.layer.name}, but not ${leafName}`,
    instead: 'use what the model says instead',
  }
}

/** Tests may also use what the workspace declares for all, such as fast-check. */
function isDeclared(name: string, { leaf, file, context }: Subject): boolean {
  if (Object.hasOwn(leaf.manifest.dependencies ?? {}, name)) return true
  if (!file.isTest) return false
  const forTests = { ...leaf.manifest.devDependencies, ...context.rootManifest.devDependencies }
  return Object.hasOwn(forTests, name)
}

function packageName(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
}

function ownName(specifier: string): Breach {
  return {
    what: `${specifier} is this package itself`,
    why: 'a package that imports its own index makes a cycle',
    instead: 'import the file: ./x.ts',
  }
}

function undeclared(name: string, leaf: Leaf): Breach {
  return {
    what: `${name} is not declared`,
    why: 'an undeclared dependency works by chance, and hides from this table',
    instead: `add it to dependencies in ${leaf.folder}/package.json`,
  }
}

function deep(specifier: string, name: string): Breach {
  return {
    what: `${specifier} goes past the index of ${name}`,
    why: 'only what an index names is meant for others',
    instead: `import from ${name}, and export there what is needed`,
  }
}

function noSuchPackage(name: string): Breach {
  return {
    what: `${name} is no package of this workspace`,
    why: 'the scope is ours alone',
    instead: 'correct the name',
  }
}
