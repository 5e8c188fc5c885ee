/** What load and backend say to one another: HTTP/1.1 of fixed length over raw sockets. */

const bodyBytes = 128
const body = 'x'.repeat(bodyBytes)
const head = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${bodyBytes}\r\n`

export const request: Buffer = Buffer.from('GET / HTTP/1.1\r\nhost: bench\r\n\r\n')
export const lastRequest: Buffer = Buffer.from('GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n')
export const downloadRequest: Buffer = Buffer.from('GET /download HTTP/1.1\r\nhost: bench\r\n\r\n')
/** A body without end follows; nothing is answered. */
export const uploadRequest: Buffer = Buffer.from('POST /upload HTTP/1.1\r\nhost: bench\r\n\r\n')
/** As an upload, answered as a download. */
export const bothRequest: Buffer = Buffer.from('POST /both HTTP/1.1\r\nhost: bench\r\n\r\n')

export const answer: Buffer = Buffer.from(`${head}\r\n${body}`)
export const lastAnswer: Buffer = Buffer.from(`${head}connection: close\r\n\r\n${body}`)
export const bulkHead: Buffer = Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n')

const statusAt = 'HTTP/1.1 '.length
const two = '2'.charCodeAt(0)

/** Finds the ends of answers whose length is known, whatever pieces they come in. */
export class AnswerReader {
  readonly #answerBytes: number
  readonly #onAnswer: (ok: boolean) => void
  #at: number = 0
  #ok: boolean = true

  constructor(expected: Buffer, onAnswer: (ok: boolean) => void) {
    this.#answerBytes = expected.length
    this.#onAnswer = onAnswer
  }

  read(bytes: Buffer, length: number): void {
    for (let from = 0; from < length;) {
      const status = from + statusAt - this.#at
      if (this.#at <= statusAt && status < length) this.#ok = bytes[status] === two
      const taken = Math.min(length - from, this.#answerBytes - this.#at)
      from += taken
      this.#at += taken
      if (this.#at < this.#answerBytes) return
      this.#at = 0
      this.#onAnswer(this.#ok)
    }
  }
}
