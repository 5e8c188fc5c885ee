import type { Origin } from './kinds.ts'

/** Turns offsets of a file into lines and columns, both counted from 1. */
export class Places {
  readonly #file: string
  readonly #lineStarts: number[] = [0]

  constructor(file: string, text: string) {
    this.#file = file
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1)
  }

  at(offset: number): Origin {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { file: this.#file, line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 }
  }
}
