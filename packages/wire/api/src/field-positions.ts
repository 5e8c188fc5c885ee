import type { FieldLayout } from './field-layout.ts'
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
  /** Where the document begins. */
  readonly line: number
  readonly layout: FieldLayout

  constructor(file: string, line: number, layout: FieldLayout) {
    this.file = file
    this.line = line
    this.layout = layout
  }

  get(path: string): Origin | undefined {
    const { paths, places } = this.layout
    const at = paths.indexOf(path)
    const line = places[2 * at]
    const column = places[2 * at + 1]
    if (line === undefined || column === undefined) return undefined
    return { file: this.file, line: this.line + line, column }
  }
}

/** The layout of a document that begins in this line, by where its fields stand in the file. */
export function layoutOf(
  places: Iterable<readonly [path: string, place: Origin]>,
  begin: number,
): FieldLayout {
  const paths: string[] = []
  const numbers: number[] = []
  for (const [path, { line, column }] of places) {
    paths.push(path)
    numbers.push(line - begin, column)
  }
  return { paths: shared(paths), places: numbers }
}

function shared(paths: readonly string[]): readonly string[] {
  const key = paths.join('\n')
  const known = sharedPaths.get(key)
  if (known !== undefined) return known
  if (sharedPaths.size >= maxSharedPaths) sharedPaths.clear()
  sharedPaths.set(key, paths)
  return paths
}
