import { accessSync, constants } from 'node:fs'
import { resolve } from 'node:path'

/** As a shell finds it: a name in PATH, anything with a slash from the working directory. The name itself where nothing is found. */
export function findProgram(program: string, workingDir: string, path: string): string {
  if (program.includes('/')) return resolve(workingDir, program)
  const candidates = path.split(':').map((folder) => resolve(workingDir, folder || '.', program))
  return candidates.find(isExecutable) ?? program
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    // Not here: the next folder of PATH is tried.
    return false
  }
}
