import { readFileSync } from 'node:fs'
import { exitCodes } from '../exit-codes.ts'
import type { ExitCode } from '../exit-codes.ts'
import { createStyle } from '../output/style.ts'
import { checkMesh } from './check-mesh.ts'
import { compareFindings, findingOf } from './finding.ts'
import { readPaths } from './read-paths.ts'
import { renderJson } from './render-json.ts'
import { renderText } from './render-text.ts'
import type { LinesOf } from './render-text.ts'
import { countOf } from './summary.ts'

export interface CheckOptions {
  /** Files, folders, or `-`. */
  readonly files: readonly string[]
  readonly output: 'text' | 'json'
  readonly color: boolean
  /** Shows the line of each finding; by default with colour, where a person looks. */
  readonly excerpts?: boolean
}

export interface CheckOutcome {
  /** 0 where everything is accepted, 1 where anything is rejected, 2 where there is nothing to check. */
  readonly exitCode: ExitCode
  /** Without a line end after the last line. */
  readonly text: string
}

/** `tulle check`: says what a mesh would make of manifests, without one. */
export async function runCheck(options: CheckOptions): Promise<CheckOutcome> {
  const read = await readPaths(options.files)
  if (!read.ok) return { exitCode: exitCodes.usage, text: read.error }
  const { objects, problems } = read.value
  if (objects.length === 0 && problems.length === 0) {
    const text = `no manifests in ${options.files.join(', ')}: expected files that end in .yaml, .yml or .json`
    return { exitCode: exitCodes.usage, text }
  }
  const mesh = checkMesh(objects)
  const findings = [...problems.map(findingOf), ...mesh.findings].toSorted(compareFindings)
  const files = new Set([...objects, ...findings].flatMap(({ origin }) => origin?.file ?? []))
  const summary = {
    files: files.size,
    accepted: mesh.accepted,
    errors: countOf(findings, 'error'),
    warnings: countOf(findings, 'warning'),
    targets: mesh.targets,
    notEnforced: mesh.notEnforced,
  }
  const exitCode = summary.errors > 0 ? exitCodes.no : exitCodes.ok
  if (options.output === 'json') return { exitCode, text: renderJson(findings, summary) }
  const linesOf = (options.excerpts ?? options.color) ? lineReader() : undefined
  return { exitCode, text: renderText(findings, summary, { style: createStyle(options.color), linesOf }) }
}

/** Reads each file once more, for excerpts; what was read from a pipe is gone. */
function lineReader(): LinesOf {
  const known = new Map<string, readonly string[] | undefined>()
  return (file) => {
    if (!known.has(file)) known.set(file, readLines(file))
    return known.get(file)
  }
}

function readLines(file: string): readonly string[] | undefined {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/u)
  } catch {
    // It was there a moment ago; the finding is told without its line.
    return undefined
  }
}
