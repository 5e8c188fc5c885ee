import { openConnection } from '../../../apps/tulle/src/bench/load/connection.ts'
import type { Converse } from '../../../apps/tulle/src/bench/load/conversation.ts'
import type { Question } from './questions.ts'

const readBytes = 64 * 1024

/** A connection that asks `question` again and again. Proxies add fields of their own, so answers are read as HTTP. */
export function http1Converse(question: Question): Converse {
  const { method, body } = question
  return (place, events) => {
    const reader = new Http1Answers(({ status, bytes }) =>
      events.onAnswer(status === 200 && bytes === question.answerBytes),
    )
    const socket = openConnection(
      place,
      {
        onOpen: () => events.onOpen(),
        onData: (bytes, length) => {
          if (!reader.read(bytes, length)) socket.destroy(new Error('expected an answer with content-length'))
        },
        onClose: (error) => events.onClose(error),
      },
      readBytes,
    )
    const length = body === undefined ? '' : `content-length: ${body.length}\r\n`
    const rest = ` HTTP/1.1\r\nhost: bench\r\n${length}\r\n`
    return {
      ask: () => {
        socket.write(`${method} ${question.path()}${rest}`, 'latin1')
        if (body !== undefined) socket.write(body)
      },
      end: () => void socket.end(),
      destroy: () => void socket.destroy(),
    }
  }
}

interface Http1Answer {
  readonly status: number
  readonly bytes: number
}

/** Finds answers whose length is told, in whatever pieces they come. */
export class Http1Answers {
  readonly #onAnswer: (answer: Http1Answer) => void
  #head: string = ''
  #answer: Http1Answer = { status: 0, bytes: 0 }
  #bodyLeft: number = 0

  constructor(onAnswer: (answer: Http1Answer) => void) {
    this.#onAnswer = onAnswer
  }

  /** False where it cannot know how long an answer is. */
  read(bytes: Buffer, length: number): boolean {
    for (let at = 0; at < length;) {
      if (this.#bodyLeft > 0) {
        const taken = Math.min(this.#bodyLeft, length - at)
        this.#bodyLeft -= taken
        at += taken
      } else {
        const before = this.#head.length
        this.#head += bytes.toString('latin1', at, length)
        const end = this.#head.indexOf('\r\n\r\n')
        if (end === -1) return true
        at += end + 4 - before
        const answer = parseHead(this.#head.slice(0, end))
        if (answer === undefined) return false
        this.#head = ''
        this.#answer = answer
        this.#bodyLeft = answer.bytes
      }
      if (this.#bodyLeft === 0) this.#onAnswer(this.#answer)
    }
    return true
  }
}

function parseHead(head: string): Http1Answer | undefined {
  const length = /\r\ncontent-length: *(\d+)/iu.exec(head)?.[1]
  return length === undefined ? undefined : { status: Number(head.slice(9, 12)), bytes: Number(length) }
}
