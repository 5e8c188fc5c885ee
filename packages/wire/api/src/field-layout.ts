/** Where the values of a document stand, counted from where it begins. Documents that are written alike share one. */
export interface FieldLayout {
  /** By `fieldPath`. */
  readonly paths: readonly string[]
  /** Of each path the line, 0 for the first one, and the column, 1 for the first one. */
  readonly places: readonly number[]
}

/** So many children are tried one by one before the key is cut out and looked up. */
const maxTried = 32
const colon = 0x3a

/** A path that documents have, and those below it: whoever meets a key again makes neither its text nor its path anew. */
export class PathStep {
  /** As `fieldPath` writes it. */
  readonly text: string
  readonly depth: number
  /** The last key of it. */
  readonly key: string
  readonly #children: PathStep[] = []
  readonly #byKey: Map<string, PathStep> = new Map()
  readonly #items: PathStep[] = []
  /** The child after the one that was found last: keys mostly come in one order. */
  #likely: number = 0

  constructor(text: string, depth: number, key: string) {
    this.text = text
    this.depth = depth
    this.key = key
  }

  /** The path of a known key that is written at `at`; another key may be known all the same. */
  tryKeyAt(text: string, at: number): PathStep | undefined {
    const likely = this.#children[this.#likely]
    if (likely !== undefined && isKeyAt(text, at, likely.key)) {
      this.#likely++
      return likely
    }
    for (let i = 0; i < this.#children.length && i < maxTried; i++) {
      const child = this.#children[i]
      if (child === undefined || !isKeyAt(text, at, child.key)) continue
      this.#likely = i + 1
      return child
    }
    return undefined
  }

  child(key: string, make: () => PathStep): PathStep {
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const made = make()
    this.#byKey.set(key, made)
    this.#children.push(made)
    return made
  }

  item(index: number, make: () => PathStep): PathStep {
    return (this.#items[index] ??= make())
  }
}

function isKeyAt(text: string, at: number, key: string): boolean {
  const end = at + key.length
  if (text.charCodeAt(end) !== colon || !text.startsWith(key, at)) return false
  const after = text[end + 1]
  return after === undefined || after === ' ' || after === '\n'
}

/** The values of a document up to one of them, with their places. */
export class LayoutStep {
  readonly #before: LayoutStep | undefined
  readonly #path: PathStep
  readonly #line: number
  readonly #column: number
  readonly #next: LayoutStep[] = []
  #layout: FieldLayout | undefined

  constructor(before: LayoutStep | undefined, path: PathStep, line: number, column: number) {
    this.#before = before
    this.#path = path
    this.#line = line
    this.#column = column
  }

  next(path: PathStep, line: number, column: number, made: () => void): LayoutStep {
    for (const step of this.#next) {
      if (step.#path === path && step.#line === line && step.#column === column) return step
    }
    const step = new LayoutStep(this, path, line, column)
    this.#next.push(step)
    made()
    return step
  }

  get layout(): FieldLayout {
    this.#layout ??= LayoutStep.#layoutUntil(this)
    return this.#layout
  }

  static #layoutUntil(last: LayoutStep): FieldLayout {
    const paths: string[] = []
    const places: number[] = []
    // The first step stands for no value.
    for (let step = last; step.#before !== undefined; step = step.#before) {
      paths.push(step.#path.text)
      places.push(step.#column, step.#line)
    }
    return { paths: paths.toReversed(), places: places.toReversed() }
  }
}
