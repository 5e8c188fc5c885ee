import { readArchitecture } from './architecture.ts'
import { checkFile } from './check-file.ts'
import { checkImport } from './check-imports.ts'
import type { ImportContext } from './check-imports.ts'
import { checkManifest } from './check-leaf.ts'
import { parseSource } from './parse-source.ts'
import { formatProblem } from './problem.ts'
import type { Problem } from './problem.ts'
import { readWorkspace } from './workspace.ts'
import type { Leaf, SourceFile } from './workspace.ts'

export interface Report {
  readonly checkedFiles: number
  /** Each as `file:line:column: what …`. */
  readonly problems: readonly string[]
}

/** Checks a whole checkout against its architecture.json. */
export function checkWorkspace(root: string): Report {
  const architecture = readArchitecture(root)
  const workspace = readWorkspace(root, architecture)
  const context: ImportContext = {
    architecture,
    leavesByName: new Map(workspace.leaves.map((leaf) => [leaf.name, leaf])),
    rootManifest: workspace.rootManifest,
  }
  const problems: string[] = []
  let checkedFiles = 0
  const report = (found: readonly Problem[], text: string): void => {
    for (const problem of found) problems.push(formatProblem(problem, text))
  }
  for (const leaf of workspace.leaves) {
    report(checkManifest(leaf, context), leaf.manifestText)
    for (const file of leaf.files) {
      checkedFiles++
      report(checkLayeredFile(file, leaf, context), file.text)
    }
  }
  for (const file of workspace.looseFiles) {
    checkedFiles++
    report(checkFile(file, parseSource(file.path, file.text), undefined, architecture), file.text)
  }
  for (const folder of workspace.homeless) report([homeless(folder)], '')
  if (workspace.leaves.every((leaf) => leaf.files.length === 0)) report([noFiles], '')
  return { checkedFiles, problems }
}

function checkLayeredFile(file: SourceFile, leaf: Leaf, context: ImportContext): readonly Problem[] {
  const parsed = parseSource(file.path, file.text)
  const imports = parsed.modules.flatMap((use) => checkImport(use, file, leaf, context))
  return [...imports, ...checkFile(file, parsed, leaf, context.architecture)]
}

function homeless(folder: string): Problem {
  return {
    file: `${folder}/package.json`,
    what: `${folder} is in no layer`,
    why: 'a package that no layer holds is checked by nobody',
    instead: 'move it into a layer, or add one to architecture.json',
  }
}

const noFiles: Problem = {
  file: 'architecture.json',
  what: 'no source file was looked at',
  why: 'a check of nothing would always be green',
  instead: 'run it from the root of the checkout, and see that "leaves" fits the folders',
}
