import { answer, AnswerReader, request } from './answers.ts'
import { openConnection } from './connection.ts'
import type { Place } from './connection.ts'

/** One question and its answer after the other: a connection of HTTP/1.1, or what stands for one stream of a session. */
export interface Conversation {
  /** Not before it is open, and not before the last one was answered. */
  ask(): void
  /** In order. */
  end(): void
  /** At once; nothing is told of it. */
  destroy(): void
}

export interface ConversationEvents {
  onOpen(): void
  /** Whether it was the answer that was wanted. */
  onAnswer(ok: boolean): void
  /** Once, however it ends; `error` is empty where it ended in order. */
  onClose(error: string): void
}

export type Converse = (place: Place, events: ConversationEvents) => Conversation

/** GETs over one connection, answered by the backend of this folder with its own bytes, whatever is between. */
export const converse: Converse = (place, events) => {
  const reader = new AnswerReader(answer, (ok) => events.onAnswer(ok))
  const socket = openConnection(place, {
    onOpen: () => events.onOpen(),
    onData: (bytes, length) => reader.read(bytes, length),
    onClose: (error) => events.onClose(error),
  })
  return {
    ask: () => void socket.write(request),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}
