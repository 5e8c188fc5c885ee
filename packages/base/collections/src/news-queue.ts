import type { Report } from './engine.ts'

interface News {
  readonly where: string
  readonly tell: () => void
}

/**
 * Tells subscribers, one transaction after the other: one that writes in its turn causes news that wait until
 * the present ones are told, so that everybody hears of changes in their order.
 */
export class NewsQueue {
  readonly #news: News[] = []
  readonly #report: Report
  #telling: boolean = false

  constructor(report: Report) {
    this.#report = report
  }

  push(where: string, tell: () => void): void {
    this.#news.push({ where, tell })
  }

  tellAll(): void {
    if (this.#telling) return
    this.#telling = true
    for (let next = this.#news.shift(); next !== undefined; next = this.#news.shift()) {
      try {
        next.tell()
      } catch (error) {
        this.#report(error, next.where)
      }
    }
    this.#telling = false
  }
}
