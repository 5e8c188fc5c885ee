import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const installed = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//

/**
 * Whose work is in the bundle, under which licence: the text that each package came with; where it came with none,
 * the notices at the head of the sources that were taken.
 */
export function noticesOf(sources: readonly string[]): string {
  const packages = Map.groupBy(
    sources.filter((source) => installed.test(source)),
    (source) => installed.exec(source)?.[1] ?? '',
  )
  const parts = [...packages]
    .map(([folder, files]) => ({ ...readPackage(folder), text: licenceText(folder) ?? heads(files) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text.trim()}\n`)
  return `This package contains the following, each under its own licence.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`
}

interface PackageFacts {
  readonly name: string
  readonly version: string
  readonly license: string
}

function readPackage(folder: string): PackageFacts {
  // npm has read it before us.
  const { name, version, license } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as PackageFacts
  return { name, version, license }
}

function licenceText(folder: string): string | undefined {
  const [file] = globSync('{LICENSE,LICENCE,COPYING}*', { cwd: folder })
  return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8')
}

const headComment = /^(?:\s*\/\/[^\n]*\n|\s*\/\*[^]*?\*\/)+/

function heads(files: readonly string[]): string {
  const found = files.map((file) => headComment.exec(readFileSync(file, 'utf8'))?.[0] ?? '')
  return [...new Set(found.filter((text) => /copyright/i.test(text)))].join('\n')
}
