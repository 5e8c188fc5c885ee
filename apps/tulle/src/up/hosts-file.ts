import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs'

/** Comments are thrown out beyond this, where they are most of it. */
const maxCommentBytes = 64 * 1024

/**
 * A file of lines that others read at any moment, in pieces, and through a mount that would keep showing a file that was replaced.
 * So a line that stays keeps its place: new ones are added at the end, and only then what is over becomes a comment.
 */
export class HostsFile {
  readonly #path: string
  /** Of each line that holds, where it begins. */
  readonly #places: Map<string, number> = new Map()
  #bytes: number = 0
  #commentBytes: number = 0

  constructor(path: string) {
    this.#path = path
    writeFileSync(path, '', { mode: 0o644 })
  }

  update(lines: readonly string[]): void {
    const wanted = new Set(lines)
    const fresh = lines.filter((line) => !this.#places.has(line))
    const over = [...this.#places].filter(([line]) => !wanted.has(line))
    if (fresh.length === 0 && over.length === 0) return
    const fd = openSync(this.#path, 'r+')
    try {
      if (this.#commentBytes > Math.max(maxCommentBytes, this.#bytes / 2)) this.#rewrite(fd, lines)
      else {
        this.#append(fd, fresh)
        for (const [line, at] of over) this.#end(fd, line, at)
      }
    } finally {
      closeSync(fd)
    }
  }

  #append(fd: number, lines: readonly string[]): void {
    const text = Buffer.from(lines.map((line) => `${line}\n`).join(''))
    writeSync(fd, text, 0, text.length, this.#bytes)
    for (const line of lines) {
      this.#places.set(line, this.#bytes)
      this.#bytes += Buffer.byteLength(line) + 1
    }
  }

  #end(fd: number, line: string, at: number): void {
    writeSync(fd, '#', at)
    this.#places.delete(line)
    this.#commentBytes += Buffer.byteLength(line) + 1
  }

  /** Lines move, so whoever reads just then may miss one; an empty file nobody sees. */
  #rewrite(fd: number, lines: readonly string[]): void {
    this.#places.clear()
    this.#bytes = 0
    this.#commentBytes = 0
    this.#append(fd, lines)
    ftruncateSync(fd, this.#bytes)
  }
}
