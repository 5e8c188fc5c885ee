import type { Origin, Positions } from './kinds.ts'

/** Lists of paths are the same in most documents of one kind; so many different ones are shared. */
const maxSharedPaths = 1000
const sharedPaths: Map<string, readonly string[]> = new Map()

/**
 * Where the fields of a document stand, in little memory: every object in force keeps its positions. Fields are public
 * so that two of them are compared as plain data.
 */
export class FieldPositions implements Positions {
  readonly file: string
  readonly paths: readonly string[]
  /** Line and column of each path. */
  readonly places: readonly number[]

  constructor(file: string, places: Iterable<readonly [path: string, place: Origin]>) {
    const paths: string[] = []
    const numbers: number[] = []
    for (const [path, { line, column }] of places) {
      paths.push(path)
      numbers.push(line, column)
    }
    this.file = file
    this.paths = shared(paths)
    this.places = numbers
  }

  get(path: string): Origin | undefined {
    const at = this.paths.indexOf(path)
    const line = this.places[2 * at]
    const column = this.places[2 * at + 1]
    return line === undefined || column === undefined ? undefined : { file: this.file, line, column }
  }
}

function shared(paths: readonly string[]): readonly string[] {
  const key = paths.join('\n')
  const known = sharedPaths.get(key)
  if (known !== undefined) return known
  if (sharedPaths.size >= maxSharedPaths) sharedPaths.clear()
  sharedPaths.set(key, paths)
  return paths
}
