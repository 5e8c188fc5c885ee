import type { Readable } from 'node:stream'
import { createInterface } from 'node:readline'
import { systemClock } from '@tulle/core'
import { patienceMs } from './waiting.ts'

interface FindOptions {
  readonly since?: number
}

/** What a process said, line by line, and a way to wait for more of it. */
export class Lines {
  readonly #lines: string[] = []
  readonly #waiting: Set<() => void> = new Set()

  read(stream: Readable): void {
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
      this.#lines.push(line)
      for (const look of this.#waiting) look()
    })
  }

  /** For `find`: only what is said from now on. */
  get mark(): number {
    return this.#lines.length
  }

  all(): readonly string[] {
    return this.#lines
  }

  /** The first line from `since` on that matches, said already or to come. */
  async find(pattern: RegExp, { since = 0 }: FindOptions = {}): Promise<string> {
    const found = Promise.withResolvers<string>()
    let next = since
    const look = (): void => {
      for (; next < this.#lines.length; next++) {
        const line = this.#lines[next] ?? ''
        if (pattern.test(line)) found.resolve(line)
      }
    }
    this.#waiting.add(look)
    using _timer = systemClock.after(patienceMs, () =>
      found.reject(
        new Error(
          `expected a line like ${String(pattern)}, found:\n${this.#lines.slice(since).slice(-40).join('\n')}`,
        ),
      ),
    )
    look()
    try {
      return await found.promise
    } finally {
      this.#waiting.delete(look)
    }
  }
}
