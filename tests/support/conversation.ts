import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { systemClock } from '@tulle/core'
import type { Outcome, Place } from './agent-types.ts'
import { answerPatienceMs } from './waiting.ts'

/** A connection to an agent's echo port: lines out, the same lines back. */
export class Conversation {
  readonly #socket: Socket
  #pending: string = ''
  #peer: string = ''
  #at: string = ''
  #error: string = ''
  #over: boolean = false
  #wake: () => void = () => undefined

  constructor({ host, port }: Place) {
    this.#socket = connect({ host, port })
    this.#socket.setEncoding('utf8')
    this.#socket.on('data', (chunk: string | Buffer) => {
      this.#pending += chunk.toString()
      this.#wake()
    })
    this.#socket.on('error', (error: NodeJS.ErrnoException) => (this.#error = error.code ?? error.message))
    this.#socket.on('end', () => this.#finish())
    this.#socket.on('close', () => this.#finish())
  }

  get over(): boolean {
    return this.#over
  }

  /** Whether the other side answered at all: what is refused is closed without a word. */
  async greeting(): Promise<Outcome> {
    const line = await this.#line()
    if (line === undefined) return this.#failed(this.#over ? 'closed' : 'no answer')
    // Our own agent on the other side, or a test fails here.
    const { peer, at } = JSON.parse(line) as { readonly peer: string; readonly at: string }
    this.#peer = peer.replace('::ffff:', '')
    this.#at = at
    return this.#done(line)
  }

  async echo(text: string): Promise<Outcome> {
    if (this.#over) return this.#failed('cut')
    this.#socket.write(`${text}\n`)
    const line = await this.#line()
    if (line === undefined) return this.#failed('cut')
    return line === text ? this.#done(line) : this.#failed(`expected ${text}, found ${line}`)
  }

  /** Waits for its end. */
  async closed(): Promise<{ readonly closed: boolean; readonly error: string }> {
    await this.#until(() => this.#over)
    return { closed: this.#over, error: this.#error }
  }

  end(): void {
    this.#socket.destroy()
  }

  #finish(): void {
    this.#over = true
    this.#wake()
  }

  async #line(): Promise<string | undefined> {
    await this.#until(() => this.#pending.includes('\n') || this.#over)
    const end = this.#pending.indexOf('\n')
    if (end < 0) return undefined
    const line = this.#pending.slice(0, end)
    this.#pending = this.#pending.slice(end + 1)
    return line
  }

  async #until(holds: () => boolean): Promise<void> {
    if (holds()) return
    await new Promise<void>((resolve) => {
      const timer = systemClock.after(answerPatienceMs, () => this.#wake())
      const deadlineMs = systemClock.monotonicMs() + answerPatienceMs
      this.#wake = () => {
        if (!holds() && systemClock.monotonicMs() < deadlineMs - 1) return
        timer[Symbol.dispose]()
        resolve()
      }
    })
  }

  #done(text: string): Outcome {
    return { ok: true, peer: this.#peer, at: this.#at, text, error: '' }
  }

  #failed(why: string): Outcome {
    return { ok: false, peer: this.#peer, at: this.#at, text: '', error: this.#error || why }
  }
}
